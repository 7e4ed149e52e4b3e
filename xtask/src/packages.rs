//! System packages. Each is looked for by what it is needed for, not by its name in some distribution, so that a
//! machine set up in another way is left alone.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{output, run, say, works};

/// A thing the build needs, and Debian's package of it.
pub struct Package {
    name: &'static str,
    why: &'static str,
    there: fn() -> bool,
}

const COMPILER: Package = Package {
    name: "build-essential",
    why: "a C and C++ compiler",
    there: || {
        works("cc", &["--version"]) && works("c++", &["--version"]) && works("make", &["--version"])
    },
};

const PYTHON: Package = Package {
    name: "python3-venv",
    why: "a Python with venv, for the validators of manifests and the tests' S3-compatible server",
    there: || works("python3", &["-c", "import ensurepip, venv"]),
};

/// For the demo.
pub const DEMO: &[Package] = &[COMPILER];

/// What the image of a host is built with: the Dockerfile must have them too.
pub const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libssl-dev",
    "clang",
    "libclang-dev",
];

/// For validating `deploy/`.
pub const DEPLOY: &[Package] = &[
    PYTHON,
    Package {
        name: "systemd",
        why: "systemd-analyze, which validates units",
        there: || works("systemd-analyze", &["--version"]),
    },
];

/// For tests of the page.
pub const BROWSER: &[Package] = &[
    Package {
        name: "chromium",
        why: "a browser, for tests of the page",
        there: || {
            let browsers = ["chromium", "google-chrome", "google-chrome-stable"];
            browsers.iter().any(|name| works(name, &["--version"]))
        },
    },
    Package {
        name: "chromium-driver",
        why: "chromedriver, for tests of the page",
        there: || works("chromedriver", &["--version"]),
    },
];

/// For modules in other languages than Rust. clang has a library for Wasm in packages of its own.
pub const LANGUAGES: &[Package] = &[
    Package {
        name: "clang-22",
        why: "modules in C",
        there: || works("clang-22", &["--version"]),
    },
    Package {
        name: "lld-22",
        why: "linking modules in C",
        there: || works("wasm-ld-22", &["--version"]),
    },
    Package {
        name: "wasi-libc",
        why: "modules in C",
        there: || wasm_library("libc.a"),
    },
    Package {
        name: "libclang-rt-22-dev-wasm32",
        why: "modules in C",
        there: || {
            let question = ["--target=wasm32-wasi", "-print-libgcc-file-name"];
            let (ok, path) = output(Command::new("clang-22").args(question));
            ok && path.lines().any(|line| Path::new(line).is_file())
        },
    },
    Package {
        name: "libc++-22-dev-wasm32",
        why: "modules in C++",
        there: || wasm_library("libc++.a"),
    },
    Package {
        name: "libc++abi-22-dev-wasm32",
        why: "modules in C++",
        there: || wasm_library("libc++abi.a"),
    },
    Package {
        name: "nodejs",
        why: "modules in JavaScript",
        there: || works("node", &["--version"]),
    },
    Package {
        name: "npm",
        why: "modules in JavaScript",
        there: || works("npm", &["--version"]),
    },
];

/// Where clang finds a library it says its path, else its name.
fn wasm_library(name: &str) -> bool {
    let question = format!("-print-file-name={name}");
    let (ok, path) = output(Command::new("clang-22").args(["--target=wasm32-wasi", &question]));
    ok && path.lines().any(|line| Path::new(line).is_absolute())
}

/// For the build with Kerberos and its tests.
pub const KERBEROS: &[Package] = &[
    Package {
        name: "libsasl2-dev",
        why: "librdkafka's Kerberos",
        there: || works("pkg-config", &["--exists", "libsasl2"]),
    },
    Package {
        name: "libsasl2-modules-gssapi-mit",
        why: "libsasl2's Kerberos",
        there: || {
            works(
                "sh",
                &[
                    "-c",
                    "ls /usr/lib*/sasl2/libgssapiv2.so /usr/lib/*/sasl2/libgssapiv2.so 2>/dev/null | grep -q .",
                ],
            )
        },
    },
    Package {
        name: "krb5-user",
        why: "kinit",
        there: || works("sh", &["-c", "command -v kinit"]),
    },
    Package {
        name: "krb5-kdc",
        why: "a KDC, for tests",
        there: || {
            works(
                "sh",
                &["-c", "PATH=$PATH:/usr/sbin:/sbin command -v krb5kdc"],
            )
        },
    },
    Package {
        name: "krb5-admin-server",
        why: "making principals, for tests",
        there: || {
            works(
                "sh",
                &["-c", "PATH=$PATH:/usr/sbin:/sbin command -v kadmin.local"],
            )
        },
    },
];

/// For tests, bench and everything else.
pub const EVERYTHING: &[Package] = &[
    COMPILER,
    PYTHON,
    Package {
        name: "pkg-config",
        why: "finding OpenSSL",
        there: || works("pkg-config", &["--version"]),
    },
    Package {
        name: "libssl-dev",
        why: "librdkafka's TLS",
        there: || works("pkg-config", &["--exists", "openssl"]),
    },
    Package {
        name: "clang",
        why: "RocksDB's bindings",
        there: || works("clang", &["--version"]),
    },
    Package {
        name: "libclang-dev",
        why: "RocksDB's bindings",
        there: libclang,
    },
    Package {
        name: "openjdk-17-jre-headless",
        why: "Apache Kafka, for broker tests",
        there: || java_major().is_some_and(|major| major >= JAVA_MAJOR_MIN),
    },
    Package {
        name: "maven",
        why: "fetching Kafka's jars",
        there: || {
            works("mvn", &["--version"])
                || works(
                    "sh",
                    &["-c", "ls \"${SLUICEBOX_KAFKA_JARS:-/nowhere}\"/*.jar"],
                )
        },
    },
];

const JAVA_MAJOR_MIN: u32 = 17;

/// Install what is missing, or name the command that does.
pub fn ensure(packages: &[Package]) -> Result<()> {
    let missing: Vec<&Package> = packages
        .iter()
        .filter(|package| !(package.there)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for package in &missing {
        say(&format!("missing: {} ({})", package.name, package.why));
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    install(&names)?;
    match missing.iter().find(|package| !(package.there)()) {
        Some(package) => bail!(
            "{} is installed, but {} is still not there",
            package.name,
            package.why
        ),
        None => Ok(()),
    }
}

/// `apt-get install`, where this user may and there is an apt-get; else an error with the command for this machine.
pub fn install(names: &[&str]) -> Result<()> {
    let list = names.join(" ");
    if !works("apt-get", &["--version"]) {
        bail!(
            "install what Debian calls `{list}` with this system's package manager, then run this again"
        );
    }
    if output(Command::new("id").arg("-u")).1.trim() != "0" {
        bail!("run `sudo apt-get install {list}`, then this again");
    }
    say(&format!("installing {list}"));
    let install = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run(command
            .args(["install", "-y", "--no-install-recommends"])
            .args(names))
    };
    // A fresh container has no package lists yet.
    install().or_else(|_| {
        run(Command::new("apt-get").arg("update"))?;
        install()
    })
}

/// The bindings generator looks in these places.
fn libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let roots = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let has = |folder: &Path| {
        entries(folder).any(|name| name.starts_with("libclang") && name.contains(".so"))
    };
    let llvm = || {
        entries(Path::new("/usr/lib"))
            .filter(|name| name.starts_with("llvm"))
            .map(|name| Path::new("/usr/lib").join(name).join("lib"))
    };
    roots.iter().any(|root| has(Path::new(root))) || llvm().any(|folder| has(&folder))
}

fn entries(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn java_major() -> Option<u32> {
    let program = match std::env::var("JAVA_HOME") {
        Ok(home) => format!("{home}/bin/java"),
        Err(_) => "java".to_owned(),
    };
    let (ok, text) = output(Command::new(program).arg("-version"));
    if ok { java_version(&text) } else { None }
}

/// The 17 of `openjdk version "17.0.15" 2025-04-15`.
fn java_version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    quoted.split(['.', '-', '+']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{BUILD, EVERYTHING, java_version};

    #[test]
    fn what_builds_an_image_is_what_builds_here() {
        let known = |name: &&str| EVERYTHING.iter().any(|package| package.name == *name);
        assert!(BUILD.iter().all(known));
    }

    #[test]
    fn java_versions_are_read() {
        assert_eq!(
            java_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK"),
            Some(17)
        );
        assert_eq!(java_version("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(java_version("java version \"1.8.0_402\""), Some(1));
        assert_eq!(java_version("command not found"), None);
    }
}
