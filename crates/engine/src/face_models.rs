//! What finds faces and tells people apart, in memory while it is needed.

use crate::{models::ModelPool, replies::LoadedModel};
use rushes_infer::faces::{self, FaceModel};
use rushes_model::{ErrorCode, Failure, ModelKey, ParseIdError};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The model in memory, with when it was last asked for.
#[derive(Default)]
pub struct FaceSlot(Mutex<Option<(Arc<FaceModel>, Instant)>>);

impl FaceSlot {
    /// What is in memory, and whether it is on its way there.
    pub fn loaded(&self) -> LoadedModel {
        match self.0.try_lock() {
            Ok(slot) => {
                let model_key = slot.as_ref().map(|(model, _)| model.key().to_string());
                LoadedModel { model_key, is_loading: false }
            }
            Err(_) => LoadedModel { model_key: None, is_loading: true },
        }
    }

    /// Lets go of it if nobody uses it and nobody has asked for it this long.
    pub fn drop_idle(&self, idle: Duration) {
        let is_idle = |(model, used): &(Arc<FaceModel>, Instant)| {
            Arc::strong_count(model) == 1 && used.elapsed() >= idle
        };
        self.lock().take_if(|slot| is_idle(slot));
    }

    /// The lock guards no half-done state, so a panic elsewhere does not matter.
    fn lock(&self) -> MutexGuard<'_, Option<(Arc<FaceModel>, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelPool {
    /// Whether everything that finding faces needs is on disk.
    ///
    /// # Errors
    /// `BadRequest` names what is missing, and says how to get it.
    pub fn check_face_model(&self) -> Result<(), Failure> {
        self.check_downloaded(&key()?)
    }

    /// The model that finds faces, opened if it is not in memory.
    ///
    /// # Errors
    /// Why it cannot be loaded, such as a file that has not been pulled.
    pub fn face_model(&self) -> Result<Arc<FaceModel>, Failure> {
        self.check_face_model()?;
        let mut slot = self.face_slot().lock();
        let model = match slot.take() {
            Some((model, _)) => model,
            None => Arc::new(self.open_faces().map_err(internal)?),
        };
        *slot = Some((model.clone(), Instant::now()));
        Ok(model)
    }

    fn open_faces(&self) -> Result<FaceModel, String> {
        let (runtime, folder) = (self.runtime()?, self.folder().path());
        FaceModel::open(&runtime, folder, self.workers()).map_err(|error| error.to_string())
    }
}

/// Key of the model.
fn key() -> Result<ModelKey, Failure> {
    faces::KEY.parse().map_err(|error: ParseIdError| internal(error.to_string()))
}

fn internal(reason: String) -> Failure {
    Failure::new(ErrorCode::Internal, reason)
}
