//! The one engine of the process, and where its artefacts are kept.

use crate::settings::{MEMORY_CAP, Settings};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Why there is no engine: our defect, or a machine on which wasmtime does not run.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be started: {0}")]
pub struct EngineError(pub(crate) String);

/// A component made by `wit-component` is three core modules: its own, a shim, and what fills the shim.
const CORES_PER_COMPONENT: u32 = 4;

/// Makes the engine. Where the pool's address space cannot be reserved it says so and allocates on demand.
pub(crate) fn engine(settings: &Settings) -> Result<Engine, EngineError> {
    let cache = settings.artefact_cache.as_deref().and_then(open_cache);
    let mut config = config(cache);
    config.allocation_strategy(pool(settings.slots));
    match Engine::new(&config) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(
                slots = settings.slots,
                "no address space could be reserved for components, so each call allocates its own memory and is slower; \
                 raise the limit on virtual memory (`ulimit -v`): {error:#}"
            );
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            Engine::new(&config).map_err(|error| EngineError(format!("{error:#}")))
        }
    }
}

fn config(cache: Option<Cache>) -> Config {
    let reservation = u64::try_from(MEMORY_CAP).unwrap_or(u64::MAX);
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        // the reservation, not the size, decides how much address space a slot takes
        .memory_reservation(reservation)
        .memory_reservation_for_growth(0)
        .max_wasm_stack(512 * 1024)
        .async_stack_size(1024 * 1024)
        .cache(cache);
    config
}

fn pool(slots: u32) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.max_memory_size(MEMORY_CAP)
        .total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORES_PER_COMPONENT))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(2))
        .total_stacks(slots)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_core_instances_per_component(CORES_PER_COMPONENT * 4)
        // what a small component touches stays mapped, so that the next call begins without page faults
        .linear_memory_keep_resident(128 * 1024)
        .table_keep_resident(16 * 1024);
    InstanceAllocationStrategy::Pooling(pool)
}

/// The cache in a folder that is ours alone; artefacts are machine code that will be run. `None` where there is none.
fn open_cache(folder: &Path) -> Option<Cache> {
    let opened = private_folder(folder)
        .map_err(|error| error.to_string())
        .and_then(|folder| {
            let mut config = CacheConfig::new();
            config.with_directory(folder);
            Cache::new(config).map_err(|error| format!("{error:#}"))
        });
    match opened {
        Ok(cache) => Some(cache),
        Err(why) => {
            tracing::warn!(
                folder = %folder.display(),
                "compiled components cannot be kept, so each start compiles them anew: {why}"
            );
            None
        }
    }
}

/// Makes the folder with mode 0700 if need be, and refuses one that others may write to or that is another's.
fn private_folder(folder: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let folder = folder.canonicalize()?;
    // a file of ours shows who we are, and that the folder can be written to
    let probe = folder.join(format!(".probe.{}", std::process::id()));
    fs::write(&probe, [])?;
    let ours = fs::metadata(&probe).map(|file| file.uid());
    fs::remove_file(&probe)?;
    let metadata = fs::metadata(&folder)?;
    if metadata.uid() != ours? || metadata.mode() & 0o022 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the folder is another user's, or others may write to it; make it yours with mode 0700",
        ));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_cache_folder_is_made_for_us_alone() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = private_folder(&above.path().join("a/cache")).expect("made");
        let mode = fs::metadata(&folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(fs::read_dir(&folder).expect("there").count(), 0);
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("opened");
        assert!(open_cache(folder.path()).is_none());
    }

    #[test]
    fn an_unwritable_place_means_compiling_in_memory() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(open_cache(&file.path().join("cache")).is_none());
    }

    #[test]
    fn an_impossible_pool_falls_back_to_memory_on_demand() {
        let settings = Settings {
            slots: 4_000_000,
            ..Settings::default()
        };
        assert!(engine(&settings).is_ok());
    }
}
