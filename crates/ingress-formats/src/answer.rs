//! What a client is told.

use serde_json::Value;

use crate::decoded::{Reject, Rejects};

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
        let mut answer = Members::default();
        let is_read = accepted > 0 || rejected == 0 || duplicates > Some(0);
        if !is_read {
            answer = problem(rejects);
        }
        answer.put("accepted", accepted);
        answer.put("rejected", rejected);
        if let Some(duplicates) = duplicates {
            answer.put("duplicates", duplicates);
        }
        answer.put("ack", ack);
        if rejected > 0 {
            answer.put_list("rejects", rejects.listed().iter().map(listed));
        }
        let left_off = rejected - rejects.listed().len() as u64;
        if left_off > 0 {
            answer.put("rejects_left_off", left_off);
        }
        Answer {
            status: if is_read { 200 } else { 400 },
            content_type: if is_read { JSON } else { PROBLEM },
            body: answer.object() + "\n",
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
                answer.put("success", false);
                // Where SDKs look for what to log.
                answer.put("code", reject.reason);
                answer.put("message", &*reject.detail);
                Answer {
                    status: 400,
                    content_type: PROBLEM,
                    body: answer.object() + "\n",
                }
            }
        }
    }
}

/// The members of a JSON object, in the order in which a person reads them.
#[derive(Default)]
struct Members(String);

impl Members {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.put_text(name, &value.into().to_string());
    }

    fn put_list(&mut self, name: &str, values: impl Iterator<Item = Members>) {
        let values: Vec<_> = values.map(Members::object).collect();
        self.put_text(name, &format!("[{}]", values.join(",")));
    }

    fn put_text(&mut self, name: &str, json: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        self.0.push_str(&format!("{comma}\"{name}\":{json}"));
    }

    fn object(self) -> String {
        format!("{{{}}}", self.0)
    }
}

fn problem(rejects: &Rejects) -> Members {
    let first = rejects.listed().first();
    let first = first.map_or("", |reject| &*reject.detail);
    let mut problem = Members::default();
    problem.put("title", "bad request");
    problem.put("status", 400);
    problem.put(
        "detail",
        format!("no event could be read; of the first: {first}"),
    );
    problem
}

fn listed(reject: &Reject) -> Members {
    let mut listed = Members::default();
    listed.put("index", reject.index);
    listed.put("reason", reject.reason);
    listed.put("detail", &*reject.detail);
    listed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn members_stand_as_they_are_documented() {
        let mut decoded = Decoded::in_body();
        decoded.line();
        decoded.reject(Fault::new("bad_syntax", "why"));
        let answer = Answer::counted(&decoded.summary(), "durable");
        assert_eq!(
            answer.body,
            "{\"accepted\":1,\"rejected\":1,\"ack\":\"durable\",\
             \"rejects\":[{\"index\":1,\"reason\":\"bad_syntax\",\"detail\":\"why\"}]}\n"
        );
    }

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
