//! An address at which no plane answers, but something else: a web server, a
//! proxy, something that hangs. It is the first thing that many point a fleet at.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::binary::{Running, result_in, ssm_fleet};

/// Something that gives this answer to whoever calls; none hangs. It lives as
/// long as the tests do. Returns where it is.
fn server(answer: Option<&'static [u8]>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            match answer {
                Some(answer) => drop(std::thread::spawn(move || serve(stream, answer))),
                None => held.push(stream),
            }
        }
    });
    url
}

/// Answers one request, whatever it says. Whoever has called enough goes.
fn serve(mut stream: TcpStream, answer: &[u8]) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    }
    if stream.write_all(answer).is_ok() && answer.ends_with(ENDLESS) {
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    }
}

/// How the head of an answer ends whose body does not.
const ENDLESS: &[u8] = b"X-Body: endless\r\n\r\n";

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.trim().parse().expect("a length is a number"),
        None => body.ends_with("0\r\n\r\n"),
    }
}

/// Five nodes, and an association that is to be made.
fn write_scenario(directory: &Path) {
    let text = "name: odd\nseed: 1\nduration: 2m\ntime: { scale: 60 }\nramp: 5s\n\
         cohorts: [{ name: web, platform: debian-12, nodes: 5, tags: { Env: prod } }]\n\
         associations: [{ name: abc, at: 30s, document: AWS-RunShellScript, parameters: { commands: [uptime] }, \
         targets: [tag: { key: Env, values: [prod] }] }]\n";
    std::fs::write(directory.join("odd.yaml"), text).expect("a file can be written");
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory can be made");
    write_scenario(directory.path());
    directory
}

#[test]
fn what_answers_in_place_of_a_plane_is_told_wherever_calls_are() {
    let cases: [(&str, &[u8], &str); 4] = [
        ("none", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404 with an empty body"),
        (
            "moved",
            b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n",
            "HTTP 301 to http://127.0.0.1:9/x",
        ),
        (
            "page",
            b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
            "HTTP 200 and a body that is no JSON: <html></html>",
        ),
        (
            "endless",
            b"HTTP/1.1 200 OK\r\nX-Body: endless\r\n\r\n",
            "HTTP 200, but its body is longer than 16777216 bytes",
        ),
    ];
    let directory = directory();
    let runs = cases.map(|(name, answer, look)| {
        let line = format!("run odd.yaml --endpoint {} --out {name}", server(Some(answer)));
        (name, look, Running::start(directory.path(), &line))
    });
    for (name, look, run) in runs {
        let ended = run.end();
        assert_eq!(ended.code, Some(1), "{name}: {}", ended.stderr);
        let trouble = format!("the operator met trouble: CreateAssociation was answered with {look}");
        assert!(ended.stderr.contains(&trouble), "{name}: {}", ended.stderr);
        let summary: String = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(summary.contains(&format!(" unreadable ({look})")), "{name}: {}", ended.stdout);

        let result = result_in(&directory.path().join(name));
        let calls = &result["calls"]["UpdateInstanceInformation"];
        assert!(calls["looks"][look].as_u64() > Some(0), "{name}: {calls}");
        assert_eq!(
            result["operator"]["made_again"], 0,
            "{name}: a call that brought no good is not repeated"
        );
        let report = std::fs::read_to_string(directory.path().join(name).join("report.md"));
        let written = look.replace('<', "\\<");
        assert!(report.expect("there is a report").contains(&written), "{name}");
        let told = ssm_fleet(directory.path(), &format!("why 0 --run {name}")).stdout;
        let told: String = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(&format!("heartbeat: the answer cannot be read: {look}; ")), "{name}: {told}");
    }
}

#[test]
fn a_plane_that_hangs_is_not_waited_for_once_somebody_wants_the_end() {
    let directory = directory();
    let line = format!("run odd.yaml --endpoint {} --out out", server(None));
    let run = Running::start(directory.path(), &line);
    // The time is over, and the plane is asked what it knows: at this pace it would
    // be given fifteen seconds for that.
    run.line_with("the grace period is over");
    run.interrupt();
    let ended = run.end();
    assert_eq!(ended.code, Some(105), "{}", ended.stderr);
    let result = result_in(&directory.path().join("out"));
    assert_eq!(result["ending"], "cut-short");
    let unanswered = "no reply to CreateAssociation in 1m";
    assert!(ended.stderr.contains(unanswered), "{}", ended.stderr);
}
