//! The alarms of another service, as far as associations ask for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::wire::{AlarmConfiguration, AlarmStateInformation};

/// The state of an alarm, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Nothing is wrong.
    Ok,
    /// Something is.
    Alarm,
    /// Nobody can tell.
    InsufficientData,
}

/// The alarms that are known, by name. One that is not here cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Alarms(BTreeMap<String, AlarmState>);

impl Alarms {
    /// Notes the state of an alarm, or that it cannot be read.
    pub(crate) fn set(&mut self, name: &str, alarm: Option<AlarmState>) {
        match alarm {
            Some(alarm) => self.0.insert(name.to_owned(), alarm),
            None => self.0.remove(name),
        };
    }

    /// The alarms that can be read, by name.
    pub(crate) fn by_name(&self) -> &BTreeMap<String, AlarmState> {
        &self.0
    }

    /// The alarm that stops what is configured so, if one does (C.4).
    pub(crate) fn triggered(&self, configuration: &AlarmConfiguration) -> Option<AlarmStateInformation> {
        let goes_on_blind = configuration.ignore_poll_alarm_failure == Some(true);
        configuration.alarms.iter().find_map(|alarm| {
            let state = match self.0.get(&alarm.name) {
                Some(AlarmState::Alarm) => "ALARM",
                None if !goes_on_blind => "UNKNOWN",
                _ => return None,
            };
            Some(AlarmStateInformation { name: alarm.name.clone(), state: state.to_owned() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::wire::Alarm;

    #[test]
    fn an_alarm_stops_in_alarm_or_where_it_cannot_be_read() {
        let cases = [
            (Some(AlarmState::Ok), None, None),
            (Some(AlarmState::InsufficientData), None, None),
            (Some(AlarmState::Alarm), None, Some("ALARM")),
            (Some(AlarmState::Alarm), Some(true), Some("ALARM")),
            (None, None, Some("UNKNOWN")),
            (None, Some(false), Some("UNKNOWN")),
            (None, Some(true), None),
        ];
        for (state, ignore_poll_alarm_failure, expected) in cases {
            let mut alarms = Alarms::default();
            alarms.set("a1", state);
            let alarm = Alarm { name: "a1".to_owned() };
            let configuration = AlarmConfiguration { ignore_poll_alarm_failure, alarms: vec![alarm] };
            let found = alarms.triggered(&configuration).map(|alarm| alarm.state);
            assert_eq!(found.as_deref(), expected, "{state:?} {ignore_poll_alarm_failure:?}");
        }
    }
}
