//! What a client is told.

use serde_json::{Map, Value, json};

use crate::decoded::Rejects;

/// What became of the events of a body.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// Events taken in.
    pub accepted: u64,
    /// Events that had been taken in before; told where that is looked for.
    pub duplicates: Option<u64>,
    /// Events that were not.
    pub rejects: &'a Rejects,
}

/// An answer: a status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

const JSON: &str = "application/json";
/// RFC 9457.
const PROBLEM: &str = "application/problem+json";

impl Answer {
    /// With counts and rejects: 200 if any event was taken in, or none was sent; 400 if none could be read.
    pub(crate) fn counted(summary: &Summary<'_>, ack: &str) -> Self {
        let Summary {
            accepted,
            duplicates,
            rejects,
        } = *summary;
        let rejected = rejects.count();
        if rejected == 0 && duplicates.is_none() {
            let body = format!("{{\"accepted\":{accepted},\"rejected\":0,\"ack\":\"{ack}\"}}\n");
            return Answer {
                status: 200,
                content_type: JSON,
                body,
            };
        }
        let mut answer = Map::new();
        let is_read = accepted > 0 || rejected == 0 || duplicates > Some(0);
        if !is_read {
            answer.extend(problem(rejects));
        }
        answer.insert("accepted".into(), accepted.into());
        answer.insert("rejected".into(), rejected.into());
        if let Some(duplicates) = duplicates {
            answer.insert("duplicates".into(), duplicates.into());
        }
        answer.insert("ack".into(), ack.into());
        if rejected > 0 {
            answer.insert("rejects".into(), listed(rejects));
        }
        let left_off = rejected - rejects.listed().len() as u64;
        if left_off > 0 {
            answer.insert("rejects_left_off".into(), left_off.into());
        }
        Answer {
            status: if is_read { 200 } else { 400 },
            content_type: if is_read { JSON } else { PROBLEM },
            body: Value::Object(answer).to_string() + "\n",
        }
    }

    /// As the tracking API answers: a client that hears 400 drops all it sent, so it hears it only if the body as a
    /// whole could not be read.
    pub(crate) fn segment(summary: &Summary<'_>) -> Self {
        let rejects = summary.rejects;
        let unreadable = rejects
            .listed()
            .iter()
            .find(|reject| reject.reason == crate::segment::UNREADABLE);
        match unreadable {
            None => Answer {
                status: 200,
                content_type: JSON,
                body: "{\"success\": true}\n".into(),
            },
            Some(reject) => {
                let mut answer = problem(rejects);
                answer.insert("success".into(), false.into());
                // Where SDKs look for what to log.
                answer.insert("code".into(), reject.reason.into());
                answer.insert("message".into(), reject.detail.clone().into());
                Answer {
                    status: 400,
                    content_type: PROBLEM,
                    body: Value::Object(answer).to_string() + "\n",
                }
            }
        }
    }
}

fn problem(rejects: &Rejects) -> Map<String, Value> {
    let first = rejects
        .listed()
        .first()
        .map_or("", |reject| &*reject.detail);
    let mut problem = Map::new();
    problem.insert("title".into(), "bad request".into());
    problem.insert("status".into(), 400.into());
    let detail = format!("no event could be read, the first because of {first}");
    problem.insert("detail".into(), detail.into());
    problem
}

fn listed(rejects: &Rejects) -> Value {
    let one = |reject: &crate::decoded::Reject| json!({ "index": reject.index, "reason": reject.reason, "detail": reject.detail });
    rejects.listed().iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoded::{Decoded, Fault};

    fn body(decoded: &Decoded) -> (u16, Value) {
        let answer = Answer::counted(&decoded.summary(), "durable");
        let body = serde_json::from_str(&answer.body).unwrap();
        (answer.status, body)
    }

    #[test]
    fn an_answer_counts_all_and_lists_the_first_rejects() {
        let mut decoded = Decoded::in_body();
        decoded.line();
        assert_eq!(
            body(&decoded),
            (200, json!({"accepted": 1, "rejected": 0, "ack": "durable"}))
        );
        for _ in 0..101 {
            decoded.reject(Fault::new("bad_syntax", "why"));
        }
        let (status, answer) = body(&decoded);
        assert_eq!(status, 200);
        assert_eq!(answer["rejected"], 101);
        assert_eq!(answer["rejects_left_off"], 1);
        assert_eq!(answer["rejects"].as_array().unwrap().len(), MAX);
        assert_eq!(
            answer["rejects"][0],
            json!({"index": 1, "reason": "bad_syntax", "detail": "why"})
        );
        assert_eq!(answer["rejects"][99]["index"], 100);
    }

    const MAX: usize = crate::decoded::MAX_REJECTS;

    #[test]
    fn nothing_read_is_a_bad_request_and_nothing_sent_is_none() {
        let mut decoded = Decoded::in_body();
        assert_eq!(body(&decoded).0, 200);
        decoded.reject(Fault::new("bad_syntax", "a comma"));
        let (status, answer) = body(&decoded);
        assert_eq!((status, &answer["status"]), (400, &json!(400)));
        assert!(answer["detail"].as_str().unwrap().contains("a comma"));
    }
}
