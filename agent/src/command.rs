//! The commands of a node: run, told of, cancelled.
//!
//! Up to five commands run at once, five more wait; a sixth to wait is refused.
//! Taking them in is `intake`'s part, working off their documents
//! `document_worker`'s, as for associations; the calls of each go through a lane of
//! its own. A step that asks for a reboot takes the node away, and the command goes
//! on when it is back (`reboot`). What is said of a command: that it was taken,
//! that it begins, each step's end, its own end (section 6.3, 6.6).
//!
//! Invariant: of each command that was taken in, an end is told, unless it
//! reboots the node again and again, or what is to be told is too long.

mod intake;
mod refresh;
mod reply;

use std::collections::VecDeque;
use std::sync::Arc;

use shared::id::AssociationId;
use shared::time::{Period, Timestamp};

use self::reply::{EndedStep, Speaker, content};
use crate::call::{Call, Outcome};
use crate::channel::call::{Incoming, Origin, Outbound};
use crate::document_worker::{DocumentWorker, Progress, Site};
use crate::execution::{self, DocumentStatus, StepResult};
use crate::lane::LaneName;
use crate::node::{Node, Note, Purpose, Turn};
use crate::reboot::RETRY_LIMIT;

/// What is longer than this is not said over the control channel, in bytes.
const LONGEST_CONTENT: usize = 120_000;

/// The commands of a node. As many run at once as there are lanes for them
/// (`Mds.CommandWorkersLimit`: 5).
#[derive(Debug, Default)]
pub(crate) struct Commands {
    running: Vec<Run>,
    waiting: VecDeque<Command>,
    /// Messages that have come and were not read yet: one is read at a time.
    arrivals: VecDeque<Incoming>,
    /// The command that is being read, while it is asked for what it refers to.
    reading: Option<Box<Command>>,
    /// What was taken in of late, and when.
    seen: VecDeque<(Timestamp, Arc<str>)>,
    /// Which associations the next poll is to have run; an empty list means all.
    refresh: Option<Vec<AssociationId>>,
    /// How many have come, in all.
    count: u32,
}

/// A command that was taken in.
#[derive(Debug)]
struct Command {
    message: Arc<str>,
    origin: Origin,
    worker: DocumentWorker,
}

/// A command that runs.
#[derive(Debug)]
struct Run {
    command: Command,
    lane: LaneName,
    /// How many of its steps were told of.
    told: usize,
    /// How long the node is to be away, once a step has asked for a reboot.
    away: Option<Period>,
    /// Whether it waits for the node to come back, and how often it did.
    is_away: bool,
    resumed: u32,
}

impl Commands {
    /// When the first of the steps under way ends.
    pub(crate) fn next_due(&self) -> Timestamp {
        self.running.iter().map(|run| run.command.worker.due).min().unwrap_or(Timestamp::NEVER)
    }

    /// None, after as many as there were.
    pub(crate) fn begun_anew(&self) -> Self {
        Self { count: self.count, ..Self::default() }
    }

    /// Forgets what has come and was not taken in: it will come again.
    pub(crate) fn forget_arrivals(&mut self) {
        self.arrivals.clear();
        self.reading = None;
    }

    /// Whether a command runs.
    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// The command that wants the node rebooted, and for how long that is away.
    pub(crate) fn asks_for_reboot(&self) -> Option<(Purpose, Period)> {
        let open = self.running.iter().filter(|run| !run.is_away);
        open.filter_map(|run| Some((Purpose::Command(run.command.message.clone()), run.away?))).next()
    }

    /// The node goes down; what runs goes on when it is back.
    pub(crate) fn go_away(&mut self) {
        for run in &mut self.running {
            if run.away.take().is_none() {
                run.command.worker.interrupt();
            }
            run.is_away = true;
        }
    }

    /// The node does not come back.
    pub(crate) fn leave_those_away(&mut self) {
        self.running.retain(|run| !run.is_away);
    }

    fn free_lane(&self) -> Option<LaneName> {
        let is_free = |lane: &LaneName| self.running.iter().all(|run| run.lane != *lane);
        LaneName::OF_COMMANDS.into_iter().find(is_free)
    }
}

impl Node {
    /// Takes a command's document as far as `how` does.
    fn work_on(
        &mut self,
        worker: &mut DocumentWorker,
        turn: &Turn<'_>,
        how: impl FnOnce(&mut DocumentWorker, &mut Site<'_>) -> Progress,
    ) -> Progress {
        // No command gathers inventory, so what was taken of it stays as it is.
        let mut taken = self.inventory_taken();
        let mut site = Site {
            cohort: self.identity.cohort(turn.catalogue),
            platform: self.platform(turn.catalogue),
            index: self.identity.index,
            known: &self.known,
            taken: &mut taken,
            struck: self.struck.as_deref(),
            machine: self.machine(turn.draw),
            draw: turn.draw,
            now: turn.now,
        };
        how(worker, &mut site)
    }

    /// Starts what waits, as long as there is room.
    fn start_commands(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(messaging) = &mut self.messaging else { return };
            let commands = &mut messaging.commands;
            let Some(lane) = commands.free_lane() else { return };
            let Some(command) = commands.waiting.pop_front() else { return };
            let run = Run { command, lane, told: 0, away: None, is_away: false, resumed: 0 };
            self.go_on(run, turn, DocumentWorker::begin);
        }
    }

    /// Ends the steps whose time is over.
    pub(crate) fn commands_due(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(messaging) = &mut self.messaging else { return };
            let running = &mut messaging.commands.running;
            let is_due = |run: &Run| run.command.worker.due <= turn.now;
            let Some(place) = running.iter().position(is_due) else { break };
            let run = running.remove(place);
            self.go_on(run, turn, DocumentWorker::step_ended);
        }
        self.start_commands(turn);
    }

    /// Takes in the answer to a call of a command's document.
    pub(crate) fn command_answered(
        &mut self,
        lane: LaneName,
        call: &Call,
        outcome: &Outcome,
        turn: &mut Turn<'_>,
    ) {
        let Some(messaging) = &mut self.messaging else { return };
        let running = &mut messaging.commands.running;
        let Some(place) = running.iter().position(|run| run.lane == lane) else { return };
        let run = running.remove(place);
        self.go_on(run, turn, |worker, site| worker.answered(call, outcome, site));
        self.start_commands(turn);
        self.send_next(turn);
    }

    /// The agent works again: what a reboot interrupted goes on.
    pub(crate) fn resume_commands(&mut self, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let running = std::mem::take(&mut messaging.commands.running);
        let (away, rest): (Vec<_>, Vec<_>) = running.into_iter().partition(|run| run.is_away);
        messaging.commands.running = rest;
        for mut run in away {
            if run.resumed == RETRY_LIMIT {
                turn.note(Note::GivenUp(Purpose::Command(run.command.message)));
                continue;
            }
            run.resumed += 1;
            run.is_away = false;
            self.go_on(run, turn, DocumentWorker::begin);
        }
        self.start_commands(turn);
    }

    /// Takes a command on, and tells of what that came to.
    fn go_on(
        &mut self,
        mut run: Run,
        turn: &mut Turn<'_>,
        how: impl FnOnce(&mut DocumentWorker, &mut Site<'_>) -> Progress,
    ) {
        let progress = self.work_on(&mut run.command.worker, turn, how);
        if let Some(named) = run.command.worker.refreshes.take() {
            self.refresh_associations(named, turn);
        }
        self.tell_steps(&mut run, turn);
        match progress {
            Progress::Over => return self.end(&run, turn),
            Progress::Stopped => return self.end_stopped(&run, turn),
            Progress::Reboots(result, away) => {
                self.tell_of_reboot(&run, &result, turn);
                run.away = Some(away);
            }
            Progress::Waits | Progress::Ready | Progress::Unfit(_) => {
                if let Some(call) = run.command.worker.call.take() {
                    self.call(run.lane, call, turn.now, turn);
                }
            }
        }
        if let Some(messaging) = &mut self.messaging {
            messaging.commands.running.push(run);
        }
    }

    /// Ends a command that is cancelled, running or waiting.
    fn cancel(&mut self, message: &str, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let is_meant = |command: &Command| *command.message == *message;
        let commands = &mut messaging.commands;
        if let Some(place) = commands.waiting.iter().position(is_meant) {
            let command = commands.waiting.remove(place).expect("it was just found");
            self.say(&command, "Cancelled", &[], Some(&[]), turn);
        } else if let Some(place) = commands.running.iter().position(|run| is_meant(&run.command)) {
            let mut run = commands.running.remove(place);
            // An answer that still comes is late.
            self.lane(run.lane).forget();
            self.work_on(&mut run.command.worker, turn, |worker, site| {
                worker.cancel(site);
                Progress::Over
            });
            self.tell_steps(&mut run, turn);
            self.end(&run, turn);
            self.start_commands(turn);
        }
    }

    /// Tells of each step that has ended since the last time.
    fn tell_steps(&mut self, run: &mut Run, turn: &Turn<'_>) {
        let ended = run.ended(turn.now);
        while run.told < ended.len() {
            let (all, told) = (&ended[..=run.told], &ended[run.told..=run.told]);
            self.say(&run.command, "InProgress", all, Some(told), turn);
            run.told += 1;
        }
    }

    /// Tells that a step did well so far, and then that the document waits for a reboot.
    fn tell_of_reboot(&mut self, run: &Run, result: &StepResult, turn: &Turn<'_>) {
        let mut ended = run.ended(turn.now);
        ended.extend(run.step(ended.len(), result, turn.now));
        let last = ended.last().map(std::slice::from_ref);
        self.say(&run.command, "InProgress", &ended, last, turn);
        self.tell_end(run, DocumentStatus::SuccessAndReboot, &ended, turn);
    }

    fn end(&mut self, run: &Run, turn: &Turn<'_>) {
        let results = run.command.worker.results();
        let status = execution::aggregate(results.len(), results);
        self.tell_end(run, status, &run.ended(turn.now), turn);
    }

    /// The worker was stopped: the agent lets the first step stand for all.
    /// As agent/framework/processor/executer/outofproc: `generateUnexpectedFailResult`.
    fn end_stopped(&mut self, run: &Run, turn: &Turn<'_>) {
        let first: Vec<_> = run.step(0, &StepResult::stopped(), turn.now).into_iter().collect();
        self.say(&run.command, DocumentStatus::Failed.as_str(), &first, Some(&first), turn);
    }

    /// Tells of a document's end; of its steps only if it has one.
    fn tell_end(&mut self, run: &Run, status: DocumentStatus, ended: &[EndedStep], turn: &Turn<'_>) {
        let told = if ended.len() == 1 { ended } else { &[] };
        self.say(&run.command, status.as_str(), ended, Some(told), turn);
    }

    /// Says how a command goes; what is said of its steps is sent again until it is confirmed.
    fn say(
        &mut self,
        command: &Command,
        status: &str,
        all: &[EndedStep],
        told: Option<&[EndedStep]>,
        turn: &Turn<'_>,
    ) {
        let said = Said { status, trace: "", all, told };
        self.reply(command.message.clone(), command.origin, &said, turn);
    }

    fn reply(&mut self, message: Arc<str>, origin: Origin, said: &Said<'_>, turn: &Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let version = self.agent_version(self.identity.cohort(turn.catalogue), turn.draw).to_owned();
        let Some(messaging) = &mut self.messaging else { return };
        let able_to_open = (origin == Origin::Poll).then(|| messaging.is_open());
        let speaker = Speaker { agent_version: &version, platform, able_to_open };
        let content = content(speaker, turn.now, said.status, said.trace, said.all, said.told);
        if origin != Origin::Poll && content.len() > LONGEST_CONTENT {
            return;
        }
        let number = messaging.next_number();
        let is_kept = said.told.is_some();
        messaging.send(Outbound::Reply { message, origin, content, is_kept, number });
    }
}

/// What is said of a command: how it stands, what went wrong before any step, and
/// how some of its steps do. Without steps it is said once only.
struct Said<'a> {
    status: &'a str,
    trace: &'a str,
    all: &'a [EndedStep],
    told: Option<&'a [EndedStep]>,
}

impl Run {
    /// The steps that have a result.
    fn ended(&self, now: Timestamp) -> Vec<EndedStep> {
        let results = self.command.worker.results().iter().enumerate();
        results.filter_map(|(index, result)| self.step(index, result, now)).collect()
    }

    /// A step in the words of a reply.
    fn step(&self, index: usize, result: &StepResult, now: Timestamp) -> Option<EndedStep> {
        let worker = &self.command.worker;
        let step = worker.fetched().document.as_ref().ok()?.steps.get(index)?;
        let (began, ended) = worker.times(index, now);
        // Why a step was not run is its output.
        let output = if result.remark.is_empty() { &result.output } else { &result.remark };
        Some(EndedStep {
            name: step.name.clone(),
            plugin: step.action.clone(),
            status: result.status.as_str(),
            code: result.code,
            output: output.clone(),
            error: result.error.clone(),
            began,
            ended,
        })
    }
}
