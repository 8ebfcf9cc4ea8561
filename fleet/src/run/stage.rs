//! Who carries out, in real time, what is no call: the embedded plane is cut off
//! and started anew, its own faults begin and end, its world changes, nodes come
//! and go.
//!
//! It works beside the operator, whose orders reach it over a channel.

use std::sync::Arc;

use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use plane::fault::Struck;
use plane::service::{Memory, Service};

use crate::churn::{Departed, Replaced};
use crate::clock::Clock;
use crate::embedded::{Down, Embedded, EmbeddedError};
use crate::fault::plane::Carried;
use crate::fault::switchboard::Boards;
use crate::live::Question;
use crate::operator::{Order, OrderError};
use crate::plan::Plan;

pub(super) type Ordered = (Order, oneshot::Sender<Result<(), OrderError>>);

/// Where the operator gives its orders.
#[derive(Debug, Clone)]
pub struct Orders(mpsc::UnboundedSender<Ordered>);

/// Orders, and who takes them.
pub(super) fn orders() -> (Orders, mpsc::UnboundedReceiver<Ordered>) {
    let (give, given) = mpsc::unbounded_channel();
    (Orders(give), given)
}

impl Orders {
    /// Has an order carried out.
    pub async fn give(&self, order: Order) -> Result<(), OrderError> {
        let (answer, answered) = oneshot::channel();
        self.0.send((order, answer)).map_err(|_| OrderError::Over)?;
        answered.await.unwrap_or(Err(OrderError::Over))
    }
}

/// Where the plane is.
pub(super) enum Place {
    /// In this process, and it answers.
    Up(Embedded),
    /// In this process, and nobody reaches it until then.
    Down(Down, Timestamp, Memory),
    /// Somewhere else.
    Foreign,
    /// Between two of these.
    Moving,
}

/// What carries orders out.
pub(super) struct Stage {
    place: Place,
    clock: Clock,
    heard: Heard,
    shards: Vec<mpsc::UnboundedSender<Question>>,
    faults: Carried,
    departed: Arc<Departed>,
}

/// What it listens to.
pub(super) struct Heard {
    /// The operator's orders.
    pub(super) orders: mpsc::UnboundedReceiver<Ordered>,
    /// Nodes that ended for good.
    pub(super) replaced: mpsc::UnboundedReceiver<Replaced>,
    /// Each new board of faults.
    pub(super) boards: Boards,
}

impl Stage {
    pub(super) fn new(
        place: Place,
        plan: &Arc<Plan>,
        clock: Clock,
        heard: Heard,
        shards: Vec<mpsc::UnboundedSender<Question>>,
    ) -> Self {
        Self { place, clock, heard, shards, faults: Carried::new(plan.clone()), departed: Arc::default() }
    }

    /// The same, which says there which nodes ended for good.
    pub(super) fn telling_of(self, departed: Arc<Departed>) -> Self {
        Self { departed, ..self }
    }

    /// Carries out what is ordered and planned. Completes when the embedded plane
    /// ends by itself, which it should not, or cannot be started anew.
    pub(super) async fn run(&mut self) -> EmbeddedError {
        loop {
            let board = self.heard.boards.borrow_and_update().clone();
            let edge = self.faults.next_edge(&board);
            let back = match &self.place {
                Place::Down(_, until, _) => *until,
                _ => Timestamp::NEVER,
            };
            let ended = async {
                match &mut self.place {
                    Place::Up(embedded) => embedded.ended().await,
                    _ => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                ended = ended => return ended.err().unwrap_or(EmbeddedError::Gone),
                Some((order, answer)) = self.heard.orders.recv() => {
                    self.obey(order).await.map(|outcome| {
                        // Nobody waits for it any more: then the run ends.
                        let _ = answer.send(outcome);
                    })
                }
                Some(replaced) = self.heard.replaced.recv() => {
                    self.departed.add(replaced.id);
                    if let Some(service) = service(&self.place) {
                        self.faults.replaced(&replaced, &board, service, self.clock.now());
                    }
                    Ok(())
                }
                Ok(()) = self.heard.boards.changed() => Ok(()),
                () = self.clock.sleep_until(back) => self.bring_back().await,
                () = self.clock.sleep_until(edge) => {
                    if let Some(service) = service(&self.place) {
                        self.faults.follow(&board, service, self.clock.now());
                    }
                    Ok(())
                }
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<Result<(), OrderError>, EmbeddedError> {
        match order {
            Order::Scale(scale) => {
                for shard in &self.shards {
                    // A shard that has ended has no nodes any more.
                    let _ = shard.send(Question::Scale(scale));
                }
            }
            Order::ChangeWorld(change) => {
                let Some(service) = service(&self.place) else { return Ok(Err(OrderError::Foreign)) };
                let changed = service.change_world(self.clock.now(), change);
                return Ok(changed.map_err(|error| OrderError::World(error.to_string())));
            }
            Order::RestartPlane { downtime, memory } => {
                let until = self.clock.now() + downtime;
                self.place = match std::mem::replace(&mut self.place, Place::Moving) {
                    Place::Up(embedded) => Place::Down(embedded.cut_off(), until, memory),
                    Place::Down(down, _, Memory::Lost) => Place::Down(down, until, Memory::Lost),
                    Place::Down(down, _, Memory::Kept) => Place::Down(down, until, memory),
                    other => {
                        self.place = other;
                        return Ok(Err(OrderError::Foreign));
                    }
                };
                // The run may end amid this wait: then the plane is where it is brought back from.
                self.see_it_fall().await?;
            }
        }
        Ok(Ok(()))
    }

    async fn see_it_fall(&mut self) -> Result<(), EmbeddedError> {
        match &mut self.place {
            Place::Down(down, ..) => down.fallen().await,
            _ => Ok(()),
        }
    }

    /// Starts the plane anew, if it is down.
    pub(super) async fn bring_back(&mut self) -> Result<(), EmbeddedError> {
        self.see_it_fall().await?;
        self.place = match std::mem::replace(&mut self.place, Place::Moving) {
            Place::Down(down, _, memory) => Place::Up(down.come_back(memory)?),
            other => other,
        };
        Ok(())
    }

    /// How many calls the faults of our plane struck.
    pub(super) fn struck_calls(&self) -> Struck {
        service(&self.place).map(Service::struck_calls).unwrap_or_default()
    }

    /// Ends the plane in good order, if it is ours.
    pub(super) async fn end(self) -> Result<(), EmbeddedError> {
        match self.place {
            Place::Up(embedded) => embedded.stop().await,
            Place::Down(..) | Place::Foreign | Place::Moving => Ok(()),
        }
    }
}

fn service(place: &Place) -> Option<&Service> {
    match place {
        Place::Up(embedded) => Some(embedded.service()),
        Place::Down(down, ..) => Some(down.service()),
        Place::Foreign | Place::Moving => None,
    }
}

#[cfg(test)]
mod tests {
    use plane::config::PlaneConfig;
    use shared::time::Period;

    use super::*;
    use crate::fault::switchboard::Switchboard;
    use crate::plan::Overrides;
    use crate::scenario::Scenario;

    #[tokio::test]
    async fn a_run_may_end_amid_the_fall_of_its_plane() {
        let scenario = Scenario::load("first-look").expect("it is built in");
        let plan = Plan::new(&scenario, &Overrides::default(), Timestamp::default());
        let plan = Arc::new(plan.expect("it makes a plan"));
        let (clock, any) = (Clock::starting(plan.start, 1.0), ([127, 0, 0, 1], 0).into());
        let plane = Embedded::start(PlaneConfig::default(), clock, Some(any), None).expect("a port is free");
        let url = plane.url();
        let ((orders, ordered), (_replaced_in, replaced)) = (orders(), mpsc::unbounded_channel());
        let switchboard = Switchboard::new(plan.clone());
        let heard = Heard { orders: ordered, replaced, boards: switchboard.boards() };
        let mut stage = Stage::new(Place::Up(plane), &plan, clock, heard, Vec::new());
        let restart = Order::RestartPlane { downtime: Period::hours(1), memory: Memory::Kept };
        tokio::select! {
            biased;
            _ = orders.give(restart) => panic!("nobody carries it out yet"),
            error = stage.run() => panic!("{error}"),
            () = std::future::ready(()) => {}
        }
        stage.bring_back().await.expect("it can be started anew");
        let Place::Up(plane) = &stage.place else { panic!("it is lost") };
        assert_eq!(plane.url(), url);
        stage.end().await.expect("it ends in good order");
    }
}
