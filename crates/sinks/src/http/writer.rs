use std::io::{self, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ureq::http::{HeaderName, header};

use super::client::{Answer, Client};
use super::config::HttpConfig;
use super::key::Keys;
use super::verdict::Verdict;
use crate::rows::{split_rows, split_to_fit, total_rows};
use crate::{Rows, WriteError, Writer};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Sends batches of rows, one after the other.
pub(crate) struct HttpWriter {
    config: HttpConfig,
    client: Client,
    keys: Keys,
    /// The most rows of the next request: halved down to the row at fault when a batch is refused,
    /// doubled with each that is taken.
    most: usize,
    /// Whether what the files say has been refused, and may have changed.
    distrusted: bool,
    body: Vec<u8>,
}

impl HttpWriter {
    pub(crate) fn new(config: HttpConfig, client: Client) -> Self {
        HttpWriter {
            most: config.batch.events,
            config,
            client,
            keys: Keys::new(),
            distrusted: false,
            body: Vec::new(),
        }
    }

    /// The rows of the next request, and the others.
    fn cut<'a>(&self, rows: &[Rows<'a>]) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
        let (fitting, _) = split_to_fit(rows, self.config.batch.bytes.as_u64());
        // A row that is too long goes alone.
        let count = total_rows(&fitting).clamp(1, self.most);
        split_rows(rows, count)
    }

    fn send(&mut self, batch: &[Rows<'_>]) -> Answer {
        if self.distrusted {
            match Client::open(&self.config) {
                Ok(client) => self.client = client,
                Err(error) => return Answer::later(error.to_string()),
            }
            self.distrusted = false;
        }
        self.body.clear();
        for rows in batch {
            self.body.extend_from_slice(rows.bytes());
        }
        let key = self.keys.key(batch, &self.body);
        let mut headers = vec![
            (header::CONTENT_TYPE, self.config.content_type.as_str()),
            (IDEMPOTENCY_KEY, key.as_str()),
        ];
        let answer = if self.config.gzip {
            headers.push((header::CONTENT_ENCODING, "gzip"));
            match compressed(&self.body) {
                Ok(body) => self.client.post(&body, &headers),
                Err(error) => Answer::later(format!("cannot compress: {error}")),
            }
        } else {
            self.client.post(&self.body, &headers)
        };
        if answer.verdict == Verdict::Taken {
            self.keys.taken();
        }
        self.distrusted = answer.denied;
        answer
    }
}

fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

impl Writer for HttpWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        let mut done = 0;
        let mut rest = batches.to_vec();
        while total_rows(&rest) > 0 {
            let (batch, left) = self.cut(&rest);
            let rows = total_rows(&batch);
            let Answer { verdict, said, .. } = self.send(&batch);
            match verdict {
                Verdict::Taken => {
                    done += rows;
                    rest = left;
                    self.most = self.most.saturating_mul(2).min(self.config.batch.events);
                }
                Verdict::Refused if rows > 1 => self.most = rows / 2,
                Verdict::Refused => {
                    return Err(WriteError::Rejected {
                        done,
                        reason: "rejected",
                        detail: said,
                    });
                }
                Verdict::Later(not_before) => {
                    return Err(WriteError::Transient {
                        done,
                        error: io::Error::other(said),
                        not_before,
                    });
                }
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), WriteError> {
        self.client = Client::open(&self.config)
            .map_err(|error| WriteError::transient(io::Error::other(error)))?;
        Ok(())
    }

    fn gather(&self) -> Duration {
        self.config.batch.linger
    }
}
