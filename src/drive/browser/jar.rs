//! The browser's cookies.
use super::launch::Device;
use crate::base::Clock;
use crate::web::cookie::CookieRecord;
#[derive(Debug, thiserror::Error)]
#[error("jar")]
pub(crate) struct JarError;
pub(crate) async fn read(_: &Device, _: &Clock) -> Result<Vec<CookieRecord>, JarError> {
    Ok(vec![])
}
pub(crate) async fn write(_: &Device, _: &[CookieRecord], _: &Clock) -> Result<(), JarError> {
    Ok(())
}
pub(crate) async fn delete(_: &Device, _: &[CookieRecord]) -> Result<(), JarError> {
    Ok(())
}
pub(crate) async fn age(_: &Device, _: std::time::Duration) -> Result<(), JarError> {
    Ok(())
}
