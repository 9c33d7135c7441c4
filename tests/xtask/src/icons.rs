//! `cargo xtask icons`: draws the icons' pixels anew from their drawings. Run after a drawing was changed; what comes
//! out is committed, so that a build needs no drawing program.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::Job;
use crate::say;
use crate::system::{self, Ready, Set};

/// Drawing, width and height in pixels, result.
const PICTURES: &[(&str, u32, &str)] = &[
    ("app.svg", 32, "32x32.png"),
    ("app.svg", 128, "128x128.png"),
    ("app.svg", 256, "128x128@2x.png"),
    ("app.svg", 512, "icon.png"),
    ("tray-idle.svg", 44, "tray-idle.png"),
    ("tray-pending.svg", 44, "tray-pending.png"),
    ("tray-offline.svg", 44, "tray-offline.png"),
    ("tray-attention.svg", 44, "tray-attention.png"),
];

/// The containers of the other systems, each holding one PNG that is made above.
const WINDOWS: (&str, &str) = ("128x128@2x.png", "icon.ico");
const APPLE: (&str, &str) = ("icon.png", "icon.icns");

/// Draws all.
pub(crate) fn draw(no_install: bool) -> Result<ExitCode> {
    if system::install(&[Set::Icons], no_install)? == Ready::Missing {
        return Ok(ExitCode::from(2));
    }
    let folder = crate::root().join("icons");
    for (drawing, side, picture) in PICTURES {
        let side = side.to_string();
        let job = Job::new(
            "rsvg-convert",
            &["--width", &side, "--height", &side, "--output", picture, drawing],
        );
        if !job.within(&folder).run()?.ok {
            bail!("{drawing} could not be drawn");
        }
        say::line(&format!("icons/{picture}"));
    }
    wrap(&folder, WINDOWS, ico)?;
    wrap(&folder, APPLE, icns)?;
    Ok(ExitCode::SUCCESS)
}

fn wrap(folder: &Path, (from, to): (&str, &str), container: fn(&[u8]) -> Vec<u8>) -> Result<()> {
    let png = std::fs::read(folder.join(from)).with_context(|| format!("{from} cannot be read"))?;
    std::fs::write(folder.join(to), container(&png)).with_context(|| format!("{to} cannot be written"))?;
    say::line(&format!("icons/{to}"));
    Ok(())
}

/// An .ico with one 256-pixel PNG: directory of one entry (0 stands for 256), then the picture. Windows reads PNG in
/// an .ico since Vista; source: Microsoft's description of the ICO resource.
fn ico(png: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 32, 0];
    out.extend((png.len() as u32).to_le_bytes());
    out.extend(22u32.to_le_bytes());
    out.extend(png);
    out
}

/// An .icns with one 512-pixel PNG (type `ic09`): magic, whole length, then type, length and the picture; lengths
/// are big-endian and include their own eight bytes.
fn icns(png: &[u8]) -> Vec<u8> {
    let mut out = b"icns".to_vec();
    out.extend((png.len() as u32 + 16).to_be_bytes());
    out.extend(b"ic09");
    out.extend((png.len() as u32 + 8).to_be_bytes());
    out.extend(png);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_say_where_their_picture_is() {
        let (windows, apple) = (ico(b"png!"), icns(b"png!"));
        assert_eq!(
            (&windows[22..], &windows[14..18]),
            (&b"png!"[..], &[4, 0, 0, 0][..])
        );
        assert_eq!(
            (&apple[16..], &apple[4..8], &apple[12..16]),
            (&b"png!"[..], &[0, 0, 0, 20][..], &[0, 0, 0, 12][..])
        );
    }
}
