//! When a cohort's nodes call, as a scenario writes it.
//!
//! Every interval and jitter of the agent has a key, with the real agent's value
//! where nothing is said. Four of them can be set on a real agent, and only
//! within bounds: beyond these it falls back to its default. A number that no
//! agent would keep to is therefore refused here, unless `unreal: true` says that
//! this is meant, as for a load test; the others have no bounds in the agent, for
//! they cannot be set there. What comes back again and again takes a second at
//! least, whatever is meant.

use agent::catalogue;
use serde::Deserialize;
use shared::time::Period;

/// When nodes call. What is not said is as the real agent has it.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Whether values may lie where a real agent would fall back to its default.
    #[serde(default)]
    pub unreal: bool,
    /// Between heartbeats; 5m.
    #[serde(default)]
    pub health: Option<Period>,
    /// Between polls; 10m.
    #[serde(default)]
    pub poll: Option<Period>,
    /// The longest wait before each poll; 30s.
    #[serde(default)]
    pub poll_jitter: Option<Period>,
    /// How long after an empty first poll the node asks once more; 30s.
    #[serde(default)]
    pub empty_poll_wait: Option<Period>,
    /// Between looks at associations that are due and may not start; 5m.
    #[serde(default)]
    pub safety_tick: Option<Period>,
    /// After what time in progress an association is given up; 2h.
    #[serde(default)]
    pub stuck_after: Option<Period>,
    /// Between looks at a worker that may have died; 60s.
    #[serde(default)]
    pub worker_check: Option<Period>,
    /// The shortest first wait before a control channel is tried again; 5s.
    #[serde(default)]
    pub reconnect: Option<Period>,
    /// The longest wait before a control channel is tried again, jitter aside; 40m.
    #[serde(default)]
    pub reconnect_longest: Option<Period>,
    /// The longest wait before a control channel that was lost is opened anew; 2.5s.
    #[serde(default)]
    pub reconnect_lost: Option<Period>,
    /// Between pings of an open control channel; 54s.
    #[serde(default)]
    pub ping: Option<Period>,
    /// How long a question for messages is waited for; 20s.
    #[serde(default)]
    pub message_wait: Option<Period>,
    /// Between looks for messages once asking has failed too often; 15m.
    #[serde(default)]
    pub message_tick: Option<Period>,
    /// Between attempts to send replies that were not confirmed; 5m.
    #[serde(default)]
    pub resend: Option<Period>,
    /// The longest wait before inventory is uploaded; 30s.
    #[serde(default)]
    pub inventory_wait: Option<Period>,
    /// Between looks of an EC2 instance whether its role may call; 30m.
    #[serde(default)]
    pub role_check: Option<Period>,
}

/// A time at which no node would call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTiming {
    /// A real agent would fall back to its default.
    #[error(
        "`{key}` is {value}, and a real agent keeps to it from {least} to {most} only, else to its \
         default: choose from these, or add `unreal: true`"
    )]
    BeyondAgent {
        /// The key.
        key: &'static str,
        /// Its value.
        value: Period,
        /// The least that the agent takes.
        least: Period,
        /// The most that it takes.
        most: Period,
    },
    /// No node can keep to it.
    #[error("`{key}` is {value}: expected from {least} to {most}")]
    Beyond {
        /// The key.
        key: &'static str,
        /// Its value.
        value: Period,
        /// The least there is.
        least: Period,
        /// The most there is.
        most: Period,
    },
}

/// What comes back again and again takes at least so long.
const SHORTEST: Period = Period::seconds(1);
/// Nothing takes longer: more is a slip of the finger.
const LONGEST: Period = Period::days(30);

impl Timing {
    /// What it means, with the real agent's values where nothing is said.
    pub fn meant(&self) -> Result<catalogue::Timing, InvalidTiming> {
        let real = catalogue::Timing::default();
        let minutes = |least, most| Some((Period::minutes(least), Period::minutes(most)));
        let seconds = |least, most| Some((Period::seconds(least), Period::seconds(most)));
        let again = |key, written: Option<Period>, real, bounds| {
            written.map_or(Ok(real), |value| self.within(key, value, SHORTEST, bounds))
        };
        let once = |key, written: Option<Period>, real| {
            written.map_or(Ok(real), |value| self.within(key, value, Period::ZERO, None))
        };
        Ok(catalogue::Timing {
            health_every: again("health", self.health, real.health_every, minutes(5, 60))?,
            poll_every: again("poll", self.poll, real.poll_every, minutes(5, 60))?,
            poll_jitter: once("poll_jitter", self.poll_jitter, real.poll_jitter)?,
            empty_poll_wait: once("empty_poll_wait", self.empty_poll_wait, real.empty_poll_wait)?,
            safety_tick: again("safety_tick", self.safety_tick, real.safety_tick, None)?,
            stuck_after: once("stuck_after", self.stuck_after, real.stuck_after)?,
            worker_check_every: again(
                "worker_check",
                self.worker_check,
                real.worker_check_every,
                seconds(30, 1_800),
            )?,
            reconnect_wait: again("reconnect", self.reconnect, real.reconnect_wait, None)?,
            reconnect_longest: again(
                "reconnect_longest",
                self.reconnect_longest,
                real.reconnect_longest,
                None,
            )?,
            reconnect_lost: once("reconnect_lost", self.reconnect_lost, real.reconnect_lost)?,
            ping_every: again("ping", self.ping, real.ping_every, None)?,
            message_wait: again("message_wait", self.message_wait, real.message_wait, seconds(10, 1_000))?,
            message_tick: again("message_tick", self.message_tick, real.message_tick, None)?,
            resend_every: again("resend", self.resend, real.resend_every, None)?,
            inventory_wait: once("inventory_wait", self.inventory_wait, real.inventory_wait)?,
            role_check_every: again("role_check", self.role_check, real.role_check_every, None)?,
            facts_change_every: real.facts_change_every,
        })
    }

    /// The value, if it lies within what can be, and what the agent keeps to.
    fn within(
        &self,
        key: &'static str,
        value: Period,
        shortest: Period,
        bounds: Option<(Period, Period)>,
    ) -> Result<Period, InvalidTiming> {
        if let Some((least, most)) = bounds.filter(|_| !self.unreal)
            && !(least..=most).contains(&value)
        {
            return Err(InvalidTiming::BeyondAgent { key, value, least, most });
        }
        let (least, most) = (shortest, LONGEST);
        if !(least..=most).contains(&value) {
            return Err(InvalidTiming::Beyond { key, value, least, most });
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(text: &str) -> Result<catalogue::Timing, InvalidTiming> {
        serde_saphyr::from_str::<Timing>(text).expect("it is well written").meant()
    }

    #[test]
    fn what_is_not_said_is_as_the_real_agent_has_it() {
        assert_eq!(meant("{}"), Ok(catalogue::Timing::default()));
        assert_eq!(meant("{ unreal: true }"), Ok(catalogue::Timing::default()));
    }

    #[test]
    fn each_key_sets_its_own_time() {
        let text = "{ health: 6m, poll: 5m, poll_jitter: 0s, empty_poll_wait: 2s, safety_tick: 3s, \
                    stuck_after: 4s, worker_check: 30s, reconnect: 5s, reconnect_longest: 7s, \
                    reconnect_lost: 12s, ping: 13s, message_wait: 14s, message_tick: 8s, resend: 9s, inventory_wait: 10s, role_check: 11s }";
        let second = Period::seconds;
        let expected = catalogue::Timing {
            health_every: second(360),
            poll_every: second(300),
            poll_jitter: Period::ZERO,
            empty_poll_wait: second(2),
            safety_tick: second(3),
            stuck_after: second(4),
            worker_check_every: second(30),
            reconnect_wait: second(5),
            reconnect_longest: second(7),
            reconnect_lost: second(12),
            ping_every: second(13),
            message_wait: second(14),
            message_tick: second(8),
            resend_every: second(9),
            inventory_wait: second(10),
            role_check_every: second(11),
            facts_change_every: catalogue::Timing::default().facts_change_every,
        };
        assert_eq!(meant(text), Ok(expected));
    }

    #[test]
    fn the_agents_bounds_hold_unless_something_unreal_is_meant() {
        let agent = |text: &str| format!("a real agent keeps to it from {text} only");
        let cases = [
            ("poll: 5m", None),
            ("poll: 60m", None),
            ("poll: 4m", Some(agent("5m00s to 1h00m00s"))),
            ("poll: 61m", Some(agent("5m00s to 1h00m00s"))),
            ("health: 299s", Some(agent("5m00s to 1h00m00s"))),
            ("message_wait: 9s", Some(agent("10s to 16m40s"))),
            ("message_wait: 9s, unreal: true", None),
            ("reconnect_lost: 0s", None),
            ("ping: 0s", Some("`ping` is 0s: expected from 1s".to_owned())),
            ("worker_check: 29s", Some(agent("30s to 30m00s"))),
            ("poll: 4m, unreal: true", None),
            ("health: 1s, unreal: true", None),
            ("poll: 0s, unreal: true", Some("`poll` is 0s: expected from 1s".to_owned())),
            ("safety_tick: 0s", Some("`safety_tick` is 0s: expected from 1s".to_owned())),
            ("stuck_after: 0s", None),
            ("role_check: 31d", Some("`role_check` is 31d00h00m00s: expected from 1s".to_owned())),
        ];
        for (text, expected) in cases {
            let error = meant(&format!("{{ {text} }}")).err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(error, None, "{text}"),
                Some(expected) => {
                    let error = error.unwrap_or_default();
                    assert!(error.contains(&expected), "{text}: {error}");
                }
            }
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let error = serde_saphyr::from_str::<Timing>("{ polls: 5m }").unwrap_err().to_string();
        assert!(error.contains("polls"), "{error}");
    }
}
