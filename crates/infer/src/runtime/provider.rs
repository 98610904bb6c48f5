//! Execution providers: what graphs run on.
//!
//! ONNX Runtime has one for the processor in every build, and others in builds for their devices. Which
//! there are is known when the library is loaded.

use ort::ep::{self, ExecutionProvider, ExecutionProviderDispatch};
use serde::Deserialize;
use std::fmt;

/// What graphs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Graphics cards by NVIDIA.
    Cuda,
    /// Apple's processors, graphics and neural engines.
    CoreMl,
    /// Graphics cards on Windows.
    DirectMl,
    /// Processors, graphics and neural engines by Intel.
    OpenVino,
    /// The processor, as ONNX Runtime itself uses it.
    Cpu,
}

impl Provider {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 5] =
        [Self::Cuda, Self::CoreMl, Self::DirectMl, Self::OpenVino, Self::Cpu];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::CoreMl => "coreml",
            Self::DirectMl => "directml",
            Self::OpenVino => "openvino",
            Self::Cpu => "cpu",
        }
    }

    /// Whether the library that is loaded was built with it. Whether the machine has such a device, only
    /// a session shows.
    pub(crate) fn is_offered(self) -> bool {
        let offered = match self {
            Self::Cuda => ep::CUDA::is_available(),
            Self::CoreMl => ep::CoreML::is_available(),
            Self::DirectMl => ep::DirectML::is_available(),
            Self::OpenVino => ep::OpenVINO::is_available(),
            Self::Cpu => Ok(true),
        };
        offered.unwrap_or(false)
    }

    /// How it is set up in a session; the processor needs nothing.
    pub(crate) fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        let dispatch = match self {
            Self::Cuda => ep::CUDA::default().build(),
            Self::CoreMl => ep::CoreML::default().build(),
            Self::DirectMl => ep::DirectML::default().build(),
            // Its own default is the processor; AUTO takes a graphics card where there is one.
            Self::OpenVino => ep::OpenVINO::default().with_device_type("AUTO").build(),
            Self::Cpu => return None,
        };
        Some(dispatch.error_on_failure())
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which provider the configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum ProviderChoice {
    /// The first that the library offers and that works.
    #[default]
    Auto,
    /// This one, or the processor where it does not work.
    Only(Provider),
}

impl TryFrom<String> for ProviderChoice {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == "auto" {
            return Ok(Self::Auto);
        }
        let found = Provider::ALL.into_iter().find(|provider| provider.name() == name);
        found.map(Self::Only).ok_or_else(|| {
            let known = Provider::ALL.map(Provider::name).join(", ");
            format!("there is no provider \"{name}\"; there are auto, {known}")
        })
    }
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Only(provider) => provider.fmt(f),
        }
    }
}

impl ProviderChoice {
    /// The providers to try out of those offered, in order. The processor comes last, and alone where
    /// the one that is asked for is not offered.
    pub(crate) fn order(self, offered: &[Provider]) -> Vec<Provider> {
        match self {
            Self::Auto => offered.to_vec(),
            Self::Only(asked) => {
                let is_asked = |provider: &&Provider| [asked, Provider::Cpu].contains(provider);
                offered.iter().filter(is_asked).copied().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provider::{Cpu, Cuda, OpenVino};

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["auto", "cpu", "cuda", "coreml", "directml", "openvino"] {
            assert_eq!(ProviderChoice::try_from(name.to_owned()).unwrap().to_string(), name);
        }
        let refused = ProviderChoice::try_from("CUDA".to_owned()).unwrap_err();
        assert!(refused.contains("\"CUDA\"") && refused.contains("cuda, coreml"), "{refused}");
    }

    #[test]
    fn the_processor_is_always_the_last_resort() {
        let offered = [Cuda, OpenVino, Cpu];
        assert_eq!(ProviderChoice::Auto.order(&offered), offered);
        assert_eq!(ProviderChoice::Only(OpenVino).order(&offered), [OpenVino, Cpu]);
        assert_eq!(ProviderChoice::Only(Cpu).order(&offered), [Cpu]);
        assert_eq!(ProviderChoice::Only(Provider::CoreMl).order(&offered), [Cpu]);
    }
}
