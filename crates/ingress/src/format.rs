use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Uri};
use millpond_ingress_formats::{self as formats, Context, Decoded, Route, Summary};

use crate::Ack;
use crate::reply::{self, Refused, Reply};

/// What a body is written in, and what its path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    route: Route,
    format: formats::Format,
}

impl Format {
    /// Judges a request by its head, before its body is read.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Format, Refused> {
        let path = uri.path();
        let route = Route::find(path).ok_or_else(|| Refused::Path(path.to_owned()))?;
        if method != Method::POST {
            return Err(Refused::Method(method.to_string(), path.to_owned()));
        }
        let format = route.format(headers).map_err(|unsupported| {
            Refused::Format(CONTENT_TYPE, unsupported.found, unsupported.expected)
        })?;
        Ok(Format { route, format })
    }

    /// Whether there is nothing to read without a body.
    pub(crate) fn needs_body(self) -> bool {
        self.format.needs_body()
    }

    /// The most bytes that its own rules allow a body, whatever the configuration does.
    pub(crate) fn max_body(self) -> Option<usize> {
        self.format.max_body()
    }

    /// About how many bytes the lines of such a body take beside it: they are paid for before it is read.
    pub(crate) fn beside(self, headers: &HeaderMap, body: usize) -> usize {
        self.format.beside(headers, body)
    }

    /// Reads a body, which is whole and not compressed, and may be made into lines where it lies.
    pub(crate) fn decode(
        self,
        headers: &HeaderMap,
        body: &mut [u8],
        context: &Context,
    ) -> Result<Decoded, Refused> {
        let decoded = self.format.decode(headers, body, context);
        if decoded.events == 0 && !decoded.may_be_empty {
            return Err(Refused::Empty);
        }
        Ok(decoded)
    }

    /// Says that the events are acknowledged.
    pub(crate) fn answer(self, summary: &Summary<'_>, ack: Ack) -> Reply {
        reply::answered(self.route.answer(summary, &ack.to_string()))
    }
}
