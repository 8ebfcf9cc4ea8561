//! Commands and cancellings as they come in by a channel of messages.
//!
//! Messages are read one after another. A command's document is read, what it
//! refers to in the Parameter Store is asked for, and only then is it known
//! whether the node takes it (agent/messageservice: `ParseSendCommandMessage`,
//! `Submit`): one whose document cannot be begun fails with the reason, one that came
//! before is not run again, and one for which there is no room is refused. Over the
//! control channel each gets its acknowledgement by code; by long polling the reply
//! goes first, and then the acknowledgement.
//!
//! Invariant: a message is read only once the one before it was taken or refused.

use shared::id::CommandId;
use shared::time::Period;
use shared::wire::{CANCEL_COMMAND_TOPIC, CancelPayload, CommandPayload, SEND_COMMAND_TOPIC};
use std::sync::Arc;

use super::{Command, Said};
use crate::call::{Call, Outcome};
use crate::catalogue::Fetched;
use crate::channel::call::{AckCode, Incoming, Origin, Outbound};
use crate::document_worker::{DocumentWorker, Order, Progress, Site};
use crate::lane::LaneName;
use crate::node::{Node, Turn};

/// How many more than run at once wait. `Mds.CommandWorkerBufferLimit`.
const WAITING: usize = 5;
/// For so long a command is known again.
const KNOWN_FOR: Period = Period::minutes(30);
/// The numbers of commands lie beyond those of associations' runs, so that their draws differ.
const FIRST_NUMBER: u64 = 1 << 40;

/// What the agent says of a message that it cannot read.
const UNREADABLE: &str = "Encountered error while parsing input - internal error";

impl Node {
    /// Takes in a message.
    pub(crate) fn take_in(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        messaging.commands.arrivals.push_back(incoming.clone());
        self.read_arrivals(turn);
    }

    fn read_arrivals(&mut self, turn: &mut Turn<'_>) {
        loop {
            let Some(messaging) = &mut self.messaging else { return };
            if messaging.commands.reading.is_some() {
                return;
            }
            let Some(incoming) = messaging.commands.arrivals.pop_front() else { return };
            if incoming.topic.starts_with(SEND_COMMAND_TOPIC) {
                self.read_command(&incoming, turn);
            } else if incoming.topic.starts_with(CANCEL_COMMAND_TOPIC) {
                self.read_cancel(&incoming, turn);
            } else {
                let reason = format!("unexpected topic name {}", incoming.topic);
                self.reject(&incoming, &reason, turn);
            }
        }
    }

    fn read_command(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        let payload = serde_json::from_str::<CommandPayload>(&incoming.payload).ok();
        let payload = payload.filter(|payload| payload.command_id.parse::<CommandId>().is_ok());
        let Some(payload) = payload else {
            return self.refuse(incoming.message.clone(), incoming.origin, UNREADABLE, turn);
        };
        let fetched = Fetched::new(&payload.document_content.to_string());
        if let Err(error) = &fetched.document {
            return self.refuse(incoming.message.clone(), incoming.origin, &error.agent_text(), turn);
        }
        let Some(messaging) = &mut self.messaging else { return };
        let commands = &mut messaging.commands;
        let order = Order {
            name: payload.document_name.into(),
            document: Arc::new(fetched),
            parameters: Some(Arc::new(payload.parameters)),
            association: None,
            stores_output: !payload.output_s3_bucket_name.is_empty(),
            number: FIRST_NUMBER | u64::from(commands.count),
        };
        commands.count += 1;
        let worker = DocumentWorker::new(order, turn.now);
        let command = Command { message: incoming.message.clone(), origin: incoming.origin, worker };
        self.prepare(command, turn, DocumentWorker::prepare);
    }

    /// Asks for what a command refers to, until that is known.
    fn prepare(
        &mut self,
        mut command: Command,
        turn: &mut Turn<'_>,
        how: impl FnOnce(&mut DocumentWorker, &mut Site<'_>) -> Progress,
    ) {
        match self.work_on(&mut command.worker, turn, how) {
            Progress::Unfit(reason) => self.refuse(command.message, command.origin, &reason, turn),
            Progress::Ready => self.accept(command, turn),
            _ => {
                let call = command.worker.call.take();
                if let Some(messaging) = &mut self.messaging {
                    messaging.commands.reading = Some(Box::new(command));
                }
                if let Some(call) = call {
                    self.call(LaneName::Intake, call, turn.now, turn);
                }
            }
        }
    }

    /// What a command refers to came, or did not.
    pub(crate) fn intake_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        let reading = self.messaging.as_mut().and_then(|messaging| messaging.commands.reading.take());
        let Some(command) = reading else { return };
        self.prepare(*command, turn, |worker, site| worker.answered(call, outcome, site));
        self.read_arrivals(turn);
        self.send_next(turn);
    }

    /// The command could be begun: takes it, if it did not come before and there is room.
    fn accept(&mut self, command: Command, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let commands = &mut messaging.commands;
        while commands.seen.front().is_some_and(|(at, _)| turn.now.since(*at) >= KNOWN_FOR) {
            commands.seen.pop_front();
        }
        let is_known = commands.seen.iter().any(|(_, seen)| *seen == command.message);
        if !is_known && commands.free_lane().is_none() && commands.waiting.len() >= WAITING {
            // By long polling nothing is said: the message comes again.
            if command.origin != Origin::Poll {
                self.acknowledge(&command.message, command.origin, AckCode::ProcessorBufferFull);
            }
            return;
        }
        if command.origin == Origin::Poll {
            self.say(&command, "InProgress", &[], None, turn);
            self.acknowledge(&command.message, command.origin, AckCode::Successful);
        } else if is_known {
            self.acknowledge(&command.message, command.origin, AckCode::DuplicateCommand);
        } else {
            self.acknowledge(&command.message, command.origin, AckCode::Successful);
            self.say(&command, "InProgress", &[], None, turn);
        }
        let Some(messaging) = &mut self.messaging else { return };
        if !is_known {
            messaging.commands.seen.push_back((turn.now, command.message.clone()));
            messaging.commands.waiting.push_back(command);
            self.start_commands(turn);
        }
    }

    /// Ends the command that a message cancels, if it has not ended.
    fn read_cancel(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        let cancel = match serde_json::from_str::<CancelPayload>(&incoming.payload) {
            Ok(cancel) => cancel,
            Err(error) => return self.reject(incoming, &error.to_string(), turn),
        };
        self.acknowledge(&incoming.message, incoming.origin, AckCode::Successful);
        self.cancel(&cancel.cancel_message_id, turn);
    }

    /// Says that it has a message; or, by the control channel, that it will not have it.
    fn acknowledge(&mut self, message: &Arc<str>, origin: Origin, code: AckCode) {
        let Some(messaging) = &mut self.messaging else { return };
        let number = messaging.next_number();
        messaging.send(match origin {
            Origin::Channel(frame, created) => {
                Outbound::Ack { job: message.clone(), frame: (frame, created), code, number }
            }
            Origin::Poll => Outbound::Acknowledge(message.clone()),
        });
    }

    /// A command that cannot be begun has failed, for this reason.
    fn refuse(&mut self, message: Arc<str>, origin: Origin, reason: &str, turn: &Turn<'_>) {
        if origin != Origin::Poll {
            self.acknowledge(&message, origin, AckCode::AgentJobMessageParseError);
        }
        let said = Said { status: "Failed", trace: reason, all: &[], told: None };
        self.reply(message, origin, &said, turn);
    }

    /// Says that it can do nothing with a message.
    fn reject(&mut self, incoming: &Incoming, reason: &str, turn: &Turn<'_>) {
        match incoming.origin {
            Origin::Channel(..) => self.refuse(incoming.message.clone(), incoming.origin, reason, turn),
            Origin::Poll => {
                let Some(messaging) = &mut self.messaging else { return };
                messaging.send(Outbound::Fail(incoming.message.clone()));
            }
        }
    }
}
