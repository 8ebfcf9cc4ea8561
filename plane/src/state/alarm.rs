//! What alarms of another service stop (C.4).

use shared::wire::{AlarmConfiguration, AlarmStateInformation};

use super::world::{AlarmState, World};

/// The alarm that stops what is configured so, if one does.
pub(crate) fn triggered(world: &World, configuration: &AlarmConfiguration) -> Option<AlarmStateInformation> {
    let goes_on_blind = configuration.ignore_poll_alarm_failure == Some(true);
    configuration.alarms.iter().find_map(|alarm| {
        let state = match world.alarms.get(&alarm.name) {
            Some(AlarmState::Alarm) => "ALARM",
            None if !goes_on_blind => "UNKNOWN",
            _ => return None,
        };
        Some(AlarmStateInformation { name: alarm.name.clone(), state: state.to_owned() })
    })
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
            let mut world = World::default();
            world.alarms.extend(state.map(|state| ("a1".to_owned(), state)));
            let alarm = Alarm { name: "a1".to_owned() };
            let configuration = AlarmConfiguration { ignore_poll_alarm_failure, alarms: vec![alarm] };
            let found = triggered(&world, &configuration).map(|alarm| alarm.state);
            assert_eq!(found.as_deref(), expected, "{state:?} {ignore_poll_alarm_failure:?}");
        }
    }
}
