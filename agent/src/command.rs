//! The commands of a node: taken in, run, told of, cancelled.
//!
//! Up to five commands run at once, five more wait; a sixth to wait is refused.
//! A command that came before is not run again. Whether a step runs and what it
//! comes to are `execution`'s decisions, as for associations; a command's steps
//! take no lane, they are due instants. How a step goes is `performance`'s to say,
//! as there; one that asks for a reboot has done well, and the node stays. What is said of a command: that it was
//! taken, that it begins, each step's end, its own end (section 6.3, 6.6).
//!
//! Invariant: of each command that was taken in, an end is told.

mod reply;

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};
use shared::document::Document;
use shared::id::{AssociationId, CommandId};
use shared::status::PlatformType;
use shared::time::{Period, Timestamp};
use shared::wire::{CANCEL_COMMAND_TOPIC, CancelPayload, CommandPayload, Parameters, SEND_COMMAND_TOPIC};

use self::reply::{EndedStep, Speaker, content};
use crate::association::KnownStatus;
use crate::channel::call::{AckCode, Incoming, Origin, Outbound};
use crate::execution::{self, DocumentStatus, StepResult, StepStatus, Verdict};
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Node, Turn};
use crate::performance::{self, Performance};
use crate::plugin;
use crate::struck;

/// How many commands run at once. `Mds.CommandWorkersLimit`.
const AT_ONCE: usize = 5;
/// How many more wait. `Mds.CommandWorkerBufferLimit`.
const WAITING: usize = 5;
/// For so long a command is known again.
const KNOWN_FOR: Period = Period::minutes(30);

/// The commands of a node.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    running: Vec<Run>,
    waiting: VecDeque<Command>,
    /// What was taken in of late, and when.
    seen: VecDeque<(Timestamp, CommandId)>,
    /// Which associations the next poll is to have run; an empty list means all.
    refresh: Option<Vec<AssociationId>>,
    runs: u32,
}

/// A command that was taken in.
#[derive(Debug)]
struct Command {
    message: Arc<str>,
    origin: Origin,
    name: String,
    document: Arc<Document>,
    parameters: Parameters,
}

/// A command that runs.
#[derive(Debug)]
struct Run {
    command: Command,
    number: u32,
    results: Vec<StepResult>,
    ended: Vec<EndedStep>,
    /// How many steps were not run.
    not_run: usize,
    step: Option<StepUnderWay>,
    due: Timestamp,
}

#[derive(Debug)]
struct StepUnderWay {
    performance: Performance,
    timeout: Period,
    began: Timestamp,
}

impl Commands {
    /// When the first of the steps under way ends.
    pub(crate) fn next_due(&self) -> Timestamp {
        self.running.iter().map(|run| run.due).min().unwrap_or(Timestamp::NEVER)
    }

    /// None, after as many runs as there were.
    pub(crate) fn begun_anew(&self) -> Self {
        Self { runs: self.runs, ..Self::default() }
    }

    /// Whether a command runs.
    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }
}

impl Node {
    /// Takes in a message.
    pub(crate) fn take_in(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        if incoming.topic.starts_with(SEND_COMMAND_TOPIC) {
            self.take_command(incoming, turn);
        } else if incoming.topic.starts_with(CANCEL_COMMAND_TOPIC) {
            self.take_cancel(incoming, turn);
        } else {
            self.reject(incoming, AckCode::AgentJobMessageParseError);
        }
    }

    fn take_command(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        let payload = serde_json::from_str::<CommandPayload>(&incoming.payload).ok();
        let id = payload.as_ref().and_then(|payload| payload.command_id.parse::<CommandId>().ok());
        let (Some(payload), Some(id)) = (payload, id) else {
            return self.reject(incoming, AckCode::AgentJobMessageParseError);
        };
        let Some(messaging) = &mut self.messaging else { return };
        let commands = &mut messaging.commands;
        while commands.seen.front().is_some_and(|(at, _)| turn.now.since(*at) >= KNOWN_FOR) {
            commands.seen.pop_front();
        }
        if commands.seen.iter().any(|(_, seen)| *seen == id) {
            return self.acknowledge(incoming, AckCode::DuplicateCommand);
        }
        if commands.running.len() >= AT_ONCE && commands.waiting.len() >= WAITING {
            // By long polling nothing is said: the message comes again.
            if incoming.origin != Origin::Poll {
                self.acknowledge(incoming, AckCode::ProcessorBufferFull);
            }
            return;
        }
        commands.seen.push_back((turn.now, id));
        let document = match Document::parse_for_node(&payload.document_content.to_string()) {
            Ok(document) => Arc::new(document),
            Err(_) => return self.reject(incoming, AckCode::InvalidDocument),
        };
        let command = Command {
            message: incoming.message.clone(),
            origin: incoming.origin,
            name: payload.document_name,
            document,
            parameters: payload.parameters,
        };
        if incoming.origin == Origin::Poll {
            self.say(&command, "InProgress", "", &[], None, false, turn);
            self.acknowledge(incoming, AckCode::Successful);
        } else {
            self.acknowledge(incoming, AckCode::Successful);
            self.say(&command, "InProgress", "", &[], None, false, turn);
        }
        let Some(messaging) = &mut self.messaging else { return };
        messaging.commands.waiting.push_back(command);
        self.start_commands(turn);
    }

    /// Ends the command that a message cancels, if it has not ended.
    fn take_cancel(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        let Ok(cancel) = serde_json::from_str::<CancelPayload>(&incoming.payload) else {
            return self.reject(incoming, AckCode::AgentJobMessageParseError);
        };
        self.acknowledge(incoming, AckCode::Successful);
        let Some(messaging) = &mut self.messaging else { return };
        let commands = &mut messaging.commands;
        let is_meant = |command: &Command| *command.message == *cancel.cancel_message_id;
        if let Some(place) = commands.waiting.iter().position(is_meant) {
            let command = commands.waiting.remove(place).expect("it was just found");
            self.say(&command, "Cancelled", "", &[], Some(&[]), true, turn);
        } else if let Some(place) = commands.running.iter().position(|run| is_meant(&run.command)) {
            let mut run = commands.running.remove(place);
            run.cancel(turn.now);
            self.end(&run, "Cancelled", turn);
            self.start_commands(turn);
        }
    }

    /// Says that it has a message; or, by the control channel, that it will not have it.
    fn acknowledge(&mut self, incoming: &Incoming, code: AckCode) {
        let Some(messaging) = &mut self.messaging else { return };
        let number = messaging.next_number();
        messaging.send(match incoming.origin {
            Origin::Channel(frame, created) => {
                Outbound::Ack { job: incoming.message.clone(), frame: (frame, created), code, number }
            }
            Origin::Poll => Outbound::Acknowledge(incoming.message.clone()),
        });
    }

    /// Says that it can do nothing with a message.
    fn reject(&mut self, incoming: &Incoming, code: AckCode) {
        match incoming.origin {
            Origin::Channel(..) => self.acknowledge(incoming, code),
            Origin::Poll => {
                let Some(messaging) = &mut self.messaging else { return };
                messaging.send(Outbound::Fail(incoming.message.clone()));
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "each is one of a reply's members")]
    fn say(
        &mut self,
        command: &Command,
        status: &str,
        trace: &str,
        all: &[EndedStep],
        told: Option<&[EndedStep]>,
        is_kept: bool,
        turn: &Turn<'_>,
    ) {
        let platform = self.platform(turn.catalogue).kind;
        let version = self.agent_version(self.identity.cohort(turn.catalogue), turn.draw).to_owned();
        let Some(messaging) = &mut self.messaging else { return };
        let able_to_open = (command.origin == Origin::Poll).then(|| messaging.is_open());
        let speaker = Speaker { agent_version: &version, platform, able_to_open };
        let content = content(speaker, turn.now, status, trace, all, told);
        let number = messaging.next_number();
        let (message, origin) = (command.message.clone(), command.origin);
        messaging.send(Outbound::Reply { message, origin, content, is_kept, number });
    }

    /// Starts what waits, as long as there is room.
    fn start_commands(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(messaging) = &mut self.messaging else { return };
            let commands = &mut messaging.commands;
            if commands.running.len() >= AT_ONCE {
                return;
            }
            let Some(command) = commands.waiting.pop_front() else { return };
            let run = Run::new(command, commands.runs);
            commands.runs += 1;
            self.go_on(run, turn);
        }
    }

    /// Ends the steps whose time is over.
    pub(crate) fn commands_due(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(messaging) = &mut self.messaging else { return };
            let running = &mut messaging.commands.running;
            let Some(place) = running.iter().position(|run| run.due <= turn.now) else { break };
            let mut run = running.remove(place);
            let platform = self.platform(turn.catalogue).kind;
            run.step_ended(platform, turn.now);
            self.tell_step(&run, turn);
            self.go_on(run, turn);
        }
        self.start_commands(turn);
    }

    /// Takes up the steps of a command until one takes time or none is left.
    fn go_on(&mut self, mut run: Run, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        while run.results.len() < run.command.document.steps.len() {
            let index = run.results.len();
            let document = run.command.document.clone();
            let result = match execution::decide(&document, index, &run.context(platform)) {
                Verdict::Run { timeout } => {
                    let inputs = run.inputs(platform);
                    let action = &document.steps[index].action;
                    let misfit = inputs.iter().find_map(|set| execution::misfit(action, set));
                    match misfit.filter(|_| plugin::runs_script(action)) {
                        Some(reason) => run.close(platform, reason),
                        None => return self.begin_step(run, &inputs, timeout, turn),
                    }
                }
                Verdict::Skipped(reason) => StepResult::skipped(reason),
                Verdict::Failed(refusal) => StepResult::failed(refusal),
            };
            run.not_run += 1;
            run.step_came_to_end(result, turn.now, turn.now);
            self.tell_step(&run, turn);
        }
        let status = words(execution::aggregate(run.results.len(), &run.results));
        self.end(&run, status, turn);
    }

    /// Lets the next step take its time.
    fn begin_step(
        &mut self,
        mut run: Run,
        inputs: &[Map<String, Value>],
        timeout: Period,
        turn: &mut Turn<'_>,
    ) {
        let document = run.command.document.clone();
        let index = run.results.len();
        let step = &document.steps[index];
        let cohort = self.identity.cohort(turn.catalogue);
        let chance = performance::Turn {
            behaviour: &struck::behaviour(
                self.struck.as_deref(),
                cohort,
                &run.command.name,
                &step.name,
                self.identity.index,
            ),
            node: turn.draw,
            draw: turn.draw.part(u64::from(run.number) | 1 << 40),
            index,
            begun: 0,
            is_first: index == run.not_run,
        };
        let performance = performance::perform(step, inputs, timeout, &chance);
        if step.action == "aws:refreshAssociation" {
            self.refresh_associations(run.associations(), turn);
        }
        run.due = turn.now + performance.takes.min(timeout);
        run.step = Some(StepUnderWay { performance, timeout, began: turn.now });
        if let Some(messaging) = &mut self.messaging {
            messaging.commands.running.push(run);
        }
    }

    fn tell_step(&mut self, run: &Run, turn: &Turn<'_>) {
        let last = run.ended.last().map(std::slice::from_ref);
        self.say(&run.command, "InProgress", "", &run.ended, last, true, turn);
    }

    /// Tells of a command's end; of its steps only if it has one.
    fn end(&mut self, run: &Run, status: &str, turn: &Turn<'_>) {
        let is_single = run.command.document.steps.len() == 1;
        let told = if is_single || status == "Cancelled" { &run.ended[..] } else { &[] };
        self.say(&run.command, status, "", &run.ended, Some(told), true, turn);
    }

    /// Polls at once, to run these associations, or all (`aws:refreshAssociation`).
    fn refresh_associations(&mut self, associations: Vec<AssociationId>, turn: &Turn<'_>) {
        let Lifecycle::Online { .. } = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        messaging.commands.refresh = Some(associations);
        let lane = self.lane(LaneName::Associations);
        // A poll under way answers for what was known when it was sent; the lane is
        // looked at again at its end.
        if lane.outstanding.is_none() {
            lane.due = turn.now;
            lane.turns = lane.turns.saturating_sub(1);
        }
    }

    /// Marks what the last refresh named as to be run now. Called at a poll's end.
    pub(crate) fn apply_refresh(&mut self, turn: &Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let Some(named) = messaging.commands.refresh.take() else { return };
        for known in &mut self.known {
            let is_named = named.is_empty() || named.contains(&known.association.id);
            let is_at_it = matches!(
                known.status,
                KnownStatus::Pending | KnownStatus::InProgress | KnownStatus::Unlisted
            );
            if is_named && !is_at_it {
                known.status = KnownStatus::Pending;
                known.due = turn.now;
            }
        }
    }
}

impl Run {
    fn new(command: Command, number: u32) -> Self {
        Self {
            command,
            number,
            results: Vec::new(),
            ended: Vec::new(),
            not_run: 0,
            step: None,
            due: Timestamp::NEVER,
        }
    }

    fn context(&self, platform: PlatformType) -> execution::Context<'_> {
        execution::Context {
            platform,
            given: execution::Given::Parameters(&self.command.parameters),
            store: None,
            has_exited: self.results.iter().any(|result| result.exits),
        }
    }

    /// The associations that the next step names; none means all.
    fn associations(&self) -> Vec<AssociationId> {
        let document = &self.command.document;
        let arguments = document.arguments(&self.command.parameters);
        let inputs = document.steps[self.results.len()].inputs.sets().first();
        let ids = inputs.and_then(|inputs| arguments.fill_member(inputs, "associationIds"));
        let ids = ids.as_ref().and_then(|ids| ids.as_array()).into_iter().flatten();
        ids.filter_map(|id| id.as_str()?.parse().ok()).collect()
    }

    /// The inputs of the next step, with all in its place.
    fn inputs(&self, platform: PlatformType) -> Vec<Map<String, Value>> {
        let document = &self.command.document;
        let context = self.context(platform);
        let arguments = context.arguments(document);
        let sets = document.steps[self.results.len()].inputs.sets().iter();
        sets.map(|set| set.iter().map(|(key, value)| (key.clone(), arguments.fill(value))).collect())
            .collect()
    }

    /// The next step fails for what it was given, before any process begins.
    fn close(&self, platform: PlatformType, reason: String) -> StepResult {
        let (document, index) = (&self.command.document, self.results.len());
        let context = self.context(platform);
        execution::close(document, index, &context, StepStatus::Failed, String::new(), reason)
    }

    fn step_ended(&mut self, platform: PlatformType, now: Timestamp) {
        self.due = Timestamp::NEVER;
        let Some(StepUnderWay { performance, timeout, began }) = self.step.take() else { return };
        let document = self.command.document.clone();
        let ending = execution::Ending {
            exit_code: performance.exit_code,
            standard_output: &performance.output,
            standard_error: &performance.error,
            took: performance.takes,
            timeout,
        };
        let result = execution::finish(&document, self.results.len(), &self.context(platform), &ending);
        self.step_came_to_end(result, began, now);
    }

    fn step_came_to_end(&mut self, mut result: StepResult, began: Timestamp, now: Timestamp) {
        if result.status == StepStatus::SuccessAndReboot {
            result.status = StepStatus::Success;
        }
        let status = match result.status {
            StepStatus::Success | StepStatus::SuccessAndReboot => "Success",
            StepStatus::Failed => "Failed",
            StepStatus::TimedOut => "TimedOut",
            StepStatus::Skipped => "Skipped",
        };
        // Why a step was not run is its output.
        let output = if result.remark.is_empty() { &result.output } else { &result.remark };
        self.put_down(status, result.code, output.clone(), result.error.clone(), began, now);
        self.results.push(result);
    }

    /// The step under way is stopped, and those behind it are not run.
    fn cancel(&mut self, now: Timestamp) {
        self.due = Timestamp::NEVER;
        let mut began = self.step.take().map(|step| step.began);
        for _ in self.ended.len()..self.command.document.steps.len() {
            let began = began.take().unwrap_or(now);
            self.put_down("Cancelled", 1, String::new(), String::new(), began, now);
        }
    }

    fn put_down(
        &mut self,
        status: &'static str,
        code: i32,
        output: String,
        error: String,
        began: Timestamp,
        ended: Timestamp,
    ) {
        let step = &self.command.document.steps[self.ended.len()];
        let (name, plugin) = (step.name.clone(), step.action.clone());
        self.ended.push(EndedStep { name, plugin, status, code, output, error, began, ended });
    }
}

/// What a document came to, in a reply's words.
const fn words(status: DocumentStatus) -> &'static str {
    match status {
        DocumentStatus::Success => "Success",
        DocumentStatus::Failed => "Failed",
        DocumentStatus::TimedOut => "TimedOut",
        DocumentStatus::SuccessAndReboot => "SuccessAndReboot",
        DocumentStatus::InProgress => "InProgress",
    }
}
