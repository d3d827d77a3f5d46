//! Where things are: the XDG directories, `~`, and the configuration file itself.

use crate::config::error::ConfigError;
use directories::BaseDirs;
use std::path::{Path, PathBuf};

/// The places that the environment gives, from which paths in the file and defaults are worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The home directory, which `~/` stands for.
    pub home: PathBuf,
    /// The directory of the configuration file, `~/.config/lowtide` by default; relative paths start there.
    pub config_dir: PathBuf,
    /// The default of `data-dir`: `~/.local/share/lowtide`.
    pub data_dir: PathBuf,
    /// `$XDG_RUNTIME_DIR/lowtide`, where there is such a directory.
    pub runtime_dir: Option<PathBuf>,
}

impl Paths {
    /// Reads them from the environment, as the XDG base directory rules say.
    ///
    /// # Errors
    /// `ConfigError::NoHome` if the user has no home directory.
    pub fn from_environment() -> Result<Self, ConfigError> {
        let base = BaseDirs::new().ok_or(ConfigError::NoHome)?;
        Ok(Self {
            home: base.home_dir().to_owned(),
            config_dir: base.config_dir().join(NAME),
            data_dir: base.data_dir().join(NAME),
            runtime_dir: base.runtime_dir().map(|dir| dir.join(NAME)),
        })
    }

    /// The configuration file to use when the command line names none: `LOWTIDE_CONFIG`, or `config.toml` in the
    /// configuration directory.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.config_file_or(std::env::var_os("LOWTIDE_CONFIG").map(PathBuf::from))
    }

    fn config_file_or(&self, chosen: Option<PathBuf>) -> PathBuf {
        let chosen = chosen.filter(|path| !path.as_os_str().is_empty());
        chosen.unwrap_or_else(|| self.config_dir.join("config.toml"))
    }

    /// The same places, as seen from a configuration file that may lie elsewhere.
    #[must_use]
    pub(super) fn beside(self, config_file: &Path) -> Self {
        let absolute = std::path::absolute(config_file).unwrap_or_else(|_| config_file.to_owned());
        let config_dir = absolute
            .parent()
            .map(Path::to_owned)
            .unwrap_or(self.config_dir);
        Self { config_dir, ..self }
    }

    /// A path as the file writes it; `None` for another user's home (`~ada/`), which is not looked up.
    pub(super) fn resolve(&self, text: &str) -> Option<PathBuf> {
        match text.strip_prefix('~') {
            None => Some(self.config_dir.join(text)),
            Some("") => Some(self.home.clone()),
            Some(rest) => Some(
                self.home
                    .join(rest.strip_prefix('/')?.trim_start_matches('/')),
            ),
        }
    }
}

const NAME: &str = "lowtide";

#[cfg(test)]
pub(super) mod tests {
    use super::Paths;
    use std::path::{Path, PathBuf};

    /// The places of a user named ada.
    pub(in crate::config) fn ada() -> Paths {
        Paths {
            home: "/home/ada".into(),
            config_dir: "/home/ada/.config/lowtide".into(),
            data_dir: "/home/ada/.local/share/lowtide".into(),
            runtime_dir: Some("/run/user/1000/lowtide".into()),
        }
    }

    #[test]
    fn paths_start_at_home_at_the_file_or_at_the_root() {
        for (text, expected) in [
            ("~", Some("/home/ada")),
            ("~/mail", Some("/home/ada/mail")),
            ("~//etc/passwd", Some("/home/ada/etc/passwd")),
            ("~root/mail", None),
            ("password", Some("/home/ada/.config/lowtide/password")),
            ("/etc/ssl/x.pem", Some("/etc/ssl/x.pem")),
            ("a/~/b", Some("/home/ada/.config/lowtide/a/~/b")),
        ] {
            assert_eq!(ada().resolve(text), expected.map(PathBuf::from), "{text:?}");
        }
    }

    #[test]
    fn relative_paths_belong_to_the_file_in_use() {
        let paths = ada().beside(Path::new("/etc/lowtide/other.toml"));
        assert_eq!(paths.resolve("pw"), Some("/etc/lowtide/pw".into()));
        let here = ada().beside(Path::new("other.toml"));
        assert_eq!(here.config_dir, std::env::current_dir().unwrap());
    }

    #[test]
    fn the_file_is_the_chosen_one_or_the_default() {
        let default = PathBuf::from("/home/ada/.config/lowtide/config.toml");
        assert_eq!(ada().config_file_or(None), default);
        assert_eq!(ada().config_file_or(Some(PathBuf::new())), default);
        assert_eq!(
            ada().config_file_or(Some("x.toml".into())),
            PathBuf::from("x.toml")
        );
    }
}
