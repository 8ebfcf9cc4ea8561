//! Which failed call is tried again, and after how long.
//!
//! Every call of the real agent goes through the SDK's default retryer: up to
//! three retries with the same body, whatever the call. Nothing here looks at
//! `Retry-After`, because the agent does not.

use shared::error::ErrorCode;
use shared::time::Period;

/// How often a call is tried again before its failure counts.
pub const RETRIES: u8 = 3;

/// A question for messages to which nothing came back is put again after so long:
/// its client has the SDK's own retryer, not the agent's.
pub const QUESTION_AGAIN: Period = Period::milliseconds(100);

/// What went wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<'a> {
    /// Nothing came back: no connection, a reset, an end before the answer's end.
    Transport,
    /// An answer of this HTTP status that names no error.
    Http(u16),
    /// A refusal of this name, carried by this HTTP status.
    Code(&'a ErrorCode, u16),
}

/// Whether the call is worth another try.
/// As aws-sdk-go v1, aws/client/default_retryer.go and aws/request/retryer.go.
pub fn is_retried(failure: Failure<'_>) -> bool {
    match failure {
        Failure::Transport => true,
        Failure::Http(status) => is_retried_status(status),
        Failure::Code(code, status) => is_retried_status(status) || is_retried_code(code),
    }
}

const fn is_retried_status(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// Throttling under its many names, and credentials that have run out: these are
/// read anew before the retry.
fn is_retried_code(code: &ErrorCode) -> bool {
    use ErrorCode as Code;
    matches!(
        code,
        Code::Throttling
            | Code::ThrottlingException
            | Code::ThrottledException
            | Code::RequestLimitExceeded
            | Code::RequestThrottled
            | Code::RequestThrottledException
            | Code::TooManyRequestsException
            | Code::ProvisionedThroughputExceededException
            | Code::PriorRequestNotComplete
            | Code::TransactionInProgressException
            | Code::EC2ThrottledException
            | Code::RequestTimeout
            | Code::RequestTimeoutException
            | Code::ExpiredToken
            | Code::ExpiredTokenException
            | Code::RequestExpired
    )
}

/// How long to wait before the retry of this number, counted from zero; `None`
/// once all are spent. `draw` is a number from 0 to below 1: the wait lies evenly
/// between 1 and 1.5 s, 2 and 3 s, 4 and 6 s.
/// As agent/sdkutil/retryer/retryer.go, with the SDK's count.
pub fn delay(retry: u8, draw: f64) -> Option<Period> {
    let shortest = Period::seconds(1) * (1 << retry.min(RETRIES));
    (retry < RETRIES).then(|| shortest + shortest.share(draw / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_server_faults_and_silence_are_retried() {
        let code = |name: &str, status| is_retried(Failure::Code(&ErrorCode::from(name), status));
        assert!(is_retried(Failure::Transport));
        for status in [429, 500, 502, 503, 504] {
            assert!(is_retried(Failure::Http(status)), "{status}");
        }
        for status in [400, 403, 404, 413, 501, 505] {
            assert!(!is_retried(Failure::Http(status)), "{status}");
        }
        for name in [
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "PriorRequestNotComplete",
            "TransactionInProgressException",
            "EC2ThrottledException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
        ] {
            assert!(code(name, 400), "{name}");
        }
        for name in
            ["InvalidInstanceId", "AccessDeniedException", "TooManyUpdates", "ValidationException", "Odd"]
        {
            assert!(!code(name, 400), "{name}");
        }
        assert!(code("InternalServerError", 500));
        assert!(code("InvalidInstanceId", 503), "the status alone suffices");
        assert!(!code("InternalServerError", 501));
    }

    #[test]
    fn each_retry_waits_twice_as_long_as_the_one_before() {
        let cases = [
            (0, 0.0, Some(1000)),
            (0, 0.5, Some(1250)),
            (0, 0.9999, Some(1499)),
            (1, 0.0, Some(2000)),
            (1, 0.5, Some(2500)),
            (2, 0.0, Some(4000)),
            (2, 0.9999, Some(5999)),
            (3, 0.0, None),
            (u8::MAX, 0.5, None),
        ];
        for (retry, draw, milliseconds) in cases {
            assert_eq!(delay(retry, draw), milliseconds.map(Period::milliseconds), "{retry} {draw}");
        }
    }
}
