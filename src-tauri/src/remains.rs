//! What a crash leaves behind.

/// A crash's remains hold the process's memory, and the token with it. From here on the system writes none, of this
/// process and of those that it starts, and nobody can allow it again.
///
/// Source: getrlimit(2), core(5): a hard limit of zero. Windows and macOS write none unless somebody asks for them.
pub(crate) fn keep_secrets_out() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit {
            current: Some(0),
            maximum: Some(0),
        };
        if let Err(error) = setrlimit(Resource::Core, none) {
            eprintln!("A crash could leave the memory of Countersign on the disk: {error}");
        }
    }
}
