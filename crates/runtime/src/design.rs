use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millpond_engine::{Blueprint, LineStats};

/// What the lines of a pipeline are built from. Another plan may take its place while they run: each shard goes over
/// to it between two events, and what the stages of its line hold goes out before. A clone is the same design.
pub struct Design<E> {
    inner: Arc<Inner<E>>,
}

struct Inner<E> {
    /// That of the edition: looked at far more often than it changes.
    number: AtomicU64,
    edition: Mutex<Arc<Edition<E>>>,
}

/// A plan, and the how many-th of its pipeline it is.
pub(crate) struct Edition<E> {
    pub(crate) number: u64,
    pub(crate) blueprint: Blueprint<E>,
    /// What a process is told that is to run such lines, where it is not what it was told at first.
    pub(crate) hello: Option<Arc<[u8]>>,
}

/// Another plan that does not lead to the same exits: those belong to the pipeline, which stays.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the plan leads to {given:?}, expected {wanted:?} as before")]
pub struct OtherExits {
    given: Vec<String>,
    wanted: Vec<String>,
}

impl<E> Design<E> {
    /// A design of which `blueprint` is the first plan.
    #[must_use]
    pub fn new(blueprint: Blueprint<E>) -> Self {
        let edition = Edition {
            number: 0,
            blueprint,
            hello: None,
        };
        let inner = Inner {
            number: AtomicU64::new(0),
            edition: Mutex::new(Arc::new(edition)),
        };
        Design {
            inner: Arc::new(inner),
        }
    }

    /// Puts another plan in the place of the present one; with workers in processes of their own, `hello` is what
    /// those are told that are to run it. Shards that do not run see it at their next event, or when
    /// [`Brake::wake`](crate::Brake::wake) has them look.
    ///
    /// For the counts of stages to go on, it is to be built with [`counts_on`](millpond_engine::Builder::counts_on)
    /// those of this design.
    ///
    /// # Errors
    /// [`OtherExits`], and nothing changes.
    pub fn replace(
        &self,
        blueprint: Blueprint<E>,
        hello: Option<Arc<[u8]>>,
    ) -> Result<(), OtherExits> {
        let mut edition = self.lock();
        self.fits(&edition, &blueprint)?;
        let number = edition.number + 1;
        *edition = Arc::new(Edition {
            number,
            blueprint,
            hello,
        });
        self.inner.number.store(number, Ordering::Release);
        Ok(())
    }

    /// Whether [`replace`](Self::replace) would take this plan.
    ///
    /// # Errors
    /// [`OtherExits`].
    pub fn takes(&self, blueprint: &Blueprint<E>) -> Result<(), OtherExits> {
        self.fits(&self.edition(), blueprint)
    }

    fn fits(&self, edition: &Edition<E>, blueprint: &Blueprint<E>) -> Result<(), OtherExits> {
        let (given, wanted) = (blueprint.exits(), edition.blueprint.exits());
        if given == wanted {
            return Ok(());
        }
        Err(OtherExits {
            given: given.to_vec(),
            wanted: wanted.to_vec(),
        })
    }

    /// What its stages counted.
    #[must_use]
    pub fn stats(&self) -> Arc<LineStats> {
        self.edition().blueprint.stats().clone()
    }

    pub(crate) fn edition(&self) -> Arc<Edition<E>> {
        self.lock().clone()
    }

    /// Whether another has taken the place of this edition.
    pub(crate) fn is_past(&self, edition: &Edition<E>) -> bool {
        self.inner.number.load(Ordering::Acquire) != edition.number
    }

    /// Every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, Arc<Edition<E>>> {
        let edition = self.inner.edition.lock();
        edition.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Clone for Design<E> {
    fn clone(&self) -> Self {
        Design {
            inner: self.inner.clone(),
        }
    }
}

impl<E> From<Blueprint<E>> for Design<E> {
    fn from(blueprint: Blueprint<E>) -> Self {
        Design::new(blueprint)
    }
}

impl<E> fmt::Debug for Design<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edition = self.edition();
        f.debug_struct("Design")
            .field("number", &edition.number)
            .field("blueprint", &edition.blueprint)
            .finish_non_exhaustive()
    }
}
