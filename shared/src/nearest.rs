//! Which of the names there are somebody may have meant: keys and choices of a
//! scenario, metrics and their labels, operations, settings.

/// From here on a name is near: one letter in three may be another.
const NEAR: f64 = 0.6;

/// From so many letters on, the beginning of a name stands for it.
const BEGINNING: usize = 4;

/// The name that comes nearest to this one, if one comes near: by its letters, or
/// because it begins as this one does.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = plain(name);
    let near = known
        .into_iter()
        .map(|known| (likeness(&name, &plain(known)), known))
        .filter(|(near, _)| *near >= NEAR);
    // Of equals the first: the order of the keys is one that somebody chose.
    near.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, known)| known)
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', ' '], "_")
}

fn likeness(name: &str, known: &str) -> f64 {
    let words = |text: &str| text.split('_').next().map(str::to_owned);
    let is_beginning = name.len() >= BEGINNING && known.starts_with(name);
    let begins_alike = is_beginning || words(name) == words(known) && known.len() >= 3;
    let letters = strsim::normalized_damerau_levenshtein(name, known);
    if begins_alike { letters.max(NEAR) } else { letters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let keys = ["name", "seed", "start_time", "time", "duration", "cohorts", "documents", "associations"];
        let cases = [
            ("cohort", Some("cohorts")),
            ("Cohorts", Some("cohorts")),
            ("duraton", Some("duration")),
            ("time_scale", Some("time")),
            ("start-time", Some("start_time")),
            ("asociations", Some("associations")),
            ("weather", None),
            ("x", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, keys), expected, "{name}");
        }
        let metrics = ["errors", "online", "time_to_success", "ThrottlingException"];
        let cases = [
            ("error", Some("errors")),
            ("ONLINE", Some("online")),
            ("time_to_sucess", Some("time_to_success")),
            ("onlien", Some("online")),
            ("time_to", Some("time_to_success")),
            ("Throttling", Some("ThrottlingException")),
            ("Thr", None),
            ("memory", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, metrics), expected, "{name}");
        }
    }
}
