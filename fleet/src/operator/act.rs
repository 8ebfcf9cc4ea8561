//! One entry of the timeline, carried out.

use plane::service::{Memory, WorldChange};
use serde::Serialize;
use serde_json::Value;
use shared::wire::{AddTagsToResource, CancelCommand, RemoveTagsFromResource, SendCommand, Tag};

use super::outcome::{Several, difference};
use super::{Desk, DeskError, Operator, Order};
use crate::fault::selection::Selection;
use crate::history::record::Act;
use crate::plan::timeline::{Expected, PlannedAct, SUCCESS};

/// What came of a call.
pub(super) type Seen = Result<Value, DeskError>;

/// What came of a call, its reply as JSON.
pub(super) fn seen(outcome: Result<impl Serialize, DeskError>) -> Seen {
    outcome.map(|reply| serde_json::to_value(reply).expect("a reply can be written"))
}

impl Operator {
    /// Carries out the entry at this place.
    pub(super) async fn happen(&mut self, desk: &impl Desk, place: usize) {
        let plan = self.plan.clone();
        let entry = &plan.timeline[place];
        if !entry.act.is_call() {
            return self.change(desk, place).await;
        }
        let at = desk.now();
        if !entry.is_of_timeline {
            match &entry.act {
                PlannedAct::CreateDocument(document) => {
                    self.create_listed(desk, (**document).clone()).await;
                }
                act => _ = self.call(desk, act, &entry.expected).await,
            }
            return;
        }
        let outcome = self.call(desk, &entry.act, &entry.expected).await;
        let mut difference = difference(&entry.expected, &outcome);
        if matches!(entry.act, PlannedAct::CreateAssociation(_))
            && outcome.is_ok() == entry.expected.error.is_some()
        {
            // It is told among the refusals.
            difference = None;
        }
        self.happened.entry(place).or_default().count(at, difference);
    }

    async fn call(&mut self, desk: &impl Desk, act: &PlannedAct, expected: &Expected) -> Seen {
        match act {
            PlannedAct::CreateAssociation(planned) => self.create_association(desk, *planned).await,
            PlannedAct::CreateDocument(document) => {
                self.create_document(desk, (**document).clone(), expected).await
            }
            PlannedAct::DeleteAssociation(which) => self.delete_association(desk, which, expected).await,
            PlannedAct::SendCommand(command) => self.send_command(desk, (**command).clone(), expected).await,
            PlannedAct::SetCalendar(name, is_open) => self.set_calendar(desk, name, *is_open, expected).await,
            PlannedAct::StartAssociation(which) => self.start_association(desk, which, expected).await,
            PlannedAct::Tag(nodes, tags) => self.tag(desk, nodes, tags, expected).await,
            PlannedAct::Untag(nodes, keys) => self.untag(desk, nodes, keys, expected).await,
            PlannedAct::UpdateAssociation(which, call) => {
                self.update_association(desk, which, (**call).clone(), expected).await
            }
            PlannedAct::UpdateDocument(document) => {
                self.update_document(desk, (**document).clone(), expected).await
            }
            PlannedAct::Inject(_)
            | PlannedAct::Lift(_)
            | PlannedAct::Narrate(_)
            | PlannedAct::RestartPlane { .. }
            | PlannedAct::Scale(_)
            | PlannedAct::SetAlarm(..) => unreachable!("{act:?} is no call"),
        }
    }

    /// Changes the circumstances as the entry at this place says.
    pub(super) async fn change(&mut self, desk: &impl Desk, place: usize) {
        let plan = self.plan.clone();
        let at = desk.now();
        let entry = &plan.timeline[place];
        let is_told_by_the_board = matches!(entry.act, PlannedAct::Inject(_) | PlannedAct::Lift(_));
        if let Some(act) = entry.act.word().filter(|_| !is_told_by_the_board) {
            let text = match &entry.act {
                PlannedAct::Narrate(text) => text,
                // Its own name begins with what it does.
                _ => entry.name.strip_prefix(act).unwrap_or(&entry.name).trim_start(),
            };
            desk.tell(Act { act, name: None, text: text.to_owned() });
        }
        let outcome = match &entry.act {
            PlannedAct::Inject(window) => self.faults.inject(window, at).map_err(|error| error.to_string()),
            PlannedAct::Lift(fault) => self.faults.lift(fault, at).map_err(|error| error.to_string()),
            PlannedAct::Narrate(text) => {
                self.narration.tell(at, text.clone());
                Ok(())
            }
            PlannedAct::RestartPlane { downtime, memory } => {
                let order = Order::RestartPlane { downtime: *downtime, memory: *memory };
                if *memory == Memory::Lost {
                    self.take_last_words(desk).await;
                }
                let outcome = desk.order(order).await;
                if *memory == Memory::Lost && outcome.is_ok() {
                    self.made.iter_mut().for_each(|made| made.is_gone = true);
                }
                outcome.map_err(|error| error.to_string())
            }
            PlannedAct::Scale(scale) => {
                desk.order(Order::Scale(*scale)).await.map_err(|error| error.to_string())
            }
            PlannedAct::SetAlarm(name, state) => {
                let change = WorldChange::Alarm(name.clone(), Some(*state));
                desk.order(Order::ChangeWorld(change)).await.map_err(|error| error.to_string())
            }
            act => unreachable!("{act:?} is a call"),
        };
        let difference = outcome.err().map(|reason| (SUCCESS.to_owned(), reason));
        self.happened.entry(place).or_default().count(at, difference);
    }

    async fn send_command(&mut self, desk: &impl Desk, command: SendCommand, expected: &Expected) -> Seen {
        let outcome = self.insist_as_expected(desk, command, expected).await;
        if let Ok(reply) = &outcome {
            self.left.commands.push(reply.command.command_id.clone());
        }
        seen(outcome)
    }

    /// Tags nodes one by one.
    async fn tag(&mut self, desk: &impl Desk, nodes: &Selection, tags: &[Tag], expected: &Expected) -> Seen {
        let mut all = Several::default();
        for node in self.meant(nodes) {
            let id = self.lives.node_id(&self.plan, node);
            let call = AddTagsToResource {
                resource_type: "ManagedInstance".into(),
                resource_id: id.to_string(),
                tags: tags.to_vec(),
            };
            let outcome = self.insist_as_expected(desk, call, expected).await;
            // Nothing is taken away from a plane that ends with the run.
            if outcome.is_ok() && self.run_tag.is_some() {
                self.left.tags.push((id, tags.iter().map(|tag| tag.key.clone()).collect()));
            }
            if !all.take(expected, seen(outcome)) {
                break;
            }
        }
        all.seen()
    }

    /// Takes tags from nodes, in the same way.
    async fn untag(
        &mut self,
        desk: &impl Desk,
        nodes: &Selection,
        keys: &[String],
        expected: &Expected,
    ) -> Seen {
        let mut all = Several::default();
        for node in self.meant(nodes) {
            let call = RemoveTagsFromResource {
                resource_type: "ManagedInstance".into(),
                resource_id: self.lives.node_id(&self.plan, node).to_string(),
                tag_keys: keys.to_vec(),
            };
            if !all.take(expected, seen(self.insist_as_expected(desk, call, expected).await)) {
                break;
            }
        }
        all.seen()
    }

    /// The numbers of the nodes that are meant.
    fn meant(&self, nodes: &Selection) -> Vec<u32> {
        let is_meant = |number: &u32| nodes.contains(self.plan.identity(*number));
        (0..self.plan.nodes()).filter(is_meant).collect()
    }

    /// Cancels the commands that this run sent, and takes away the tags that its timeline put on nodes.
    pub(super) async fn clear_acts(&mut self, desk: &impl Desk) {
        for command_id in std::mem::take(&mut self.left.commands) {
            let call = CancelCommand { command_id: command_id.clone(), instance_ids: None };
            if let Err(error) = self.clear(desk, call).await {
                tracing::warn!(command = command_id, %error, "a command of this run may go on");
            }
        }
        for (node, tag_keys) in std::mem::take(&mut self.left.tags) {
            let call = RemoveTagsFromResource {
                resource_type: "ManagedInstance".into(),
                resource_id: node.to_string(),
                tag_keys,
            };
            if let Err(error) = self.clear(desk, call).await {
                tracing::warn!(%node, %error, "a tag of this run is left");
            }
        }
    }
}
