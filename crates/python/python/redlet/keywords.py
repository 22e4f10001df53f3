"""The keywords of redis-py's clients, for type checkers: which of them there are depends on the version of redis-py, which is asked when a
client is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, TypedDict, Union

if TYPE_CHECKING:
    import ssl

    from redis.credentials import CredentialProvider
    from redis.driver_info import DriverInfo
    from redis.maint_notifications import MaintNotificationsConfig


class CommonKeywords(TypedDict, total=False):
    """What both clients take."""

    host: str
    port: int
    db: int
    username: Optional[str]
    password: Optional[str]
    socket_timeout: Optional[float]
    socket_connect_timeout: Optional[float]
    socket_read_size: int
    socket_keepalive: Optional[bool]
    socket_keepalive_options: Union[Mapping[int, Union[int, bytes]], object, None]
    unix_socket_path: Optional[str]
    encoding: str
    encoding_errors: str
    decode_responses: bool
    retry_on_timeout: bool
    ssl: bool
    ssl_keyfile: Optional[str]
    ssl_certfile: Optional[str]
    ssl_cert_reqs: "Union[str, ssl.VerifyMode]"
    ssl_include_verify_flags: "Optional[List[ssl.VerifyFlags]]"
    ssl_exclude_verify_flags: "Optional[List[ssl.VerifyFlags]]"
    ssl_ca_certs: Optional[str]
    ssl_ca_data: Optional[str]
    ssl_ca_path: Optional[str]
    ssl_check_hostname: bool
    ssl_min_version: "Optional[ssl.TLSVersion]"
    ssl_ciphers: Optional[str]
    ssl_password: Optional[str]
    max_connections: Optional[int]
    single_connection_client: bool
    health_check_interval: int
    client_name: Optional[str]
    lib_name: Union[str, object, None]
    lib_version: Union[str, object, None]
    driver_info: "Union[DriverInfo, object, None]"
    # It is called with the connection, which redis-py's own type denies.
    redis_connect_func: Any
    credential_provider: "Optional[CredentialProvider]"
    protocol: Optional[int]
    legacy_responses: bool
    # Of another class for each of the two clients.
    retry: Any
    retry_on_error: Optional[List[Any]]
    event_dispatcher: Any
    maint_notifications_config: "Optional[MaintNotificationsConfig]"


class ClientKeywords(CommonKeywords, total=False):
    """What ``redis.Redis`` takes."""

    ssl_validate_ocsp: bool
    ssl_validate_ocsp_stapled: bool
    ssl_ocsp_context: Any
    ssl_ocsp_expected_cert: Optional[str]
    cache: Any
    cache_config: Any
    oss_cluster_maint_notifications_handler: Any


class AsyncClientKeywords(CommonKeywords, total=False):
    """What ``redis.asyncio.Redis`` takes."""

    auto_close_connection_pool: Optional[bool]
