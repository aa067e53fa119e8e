"""Credentials: keys with a telling form, and what stands where a secret is said to stand."""

from __future__ import annotations

from sluice.classify.detector import Detector

_SAID = r"[\"']?\s{0,4}(?::=|=>|[:=])\s{0,4}[\"']?"
_WORDS = (
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "credential",
    "credentials",
    "key",
)


def _token(kind: str, label: str, pattern: str, *examples: str, shown: str = "key", reach: int = 300) -> Detector:
    """A key that its first characters give away."""
    return Detector(
        kind=kind, label=label, pattern=pattern, examples=examples, shown=shown, bound="open", check="key", alone=98, told=98,
        reach=reach,
    )  # fmt: skip


_R = "Zq8Rt2Lm5Xw9Kc3Vb7Nj4Hd6Pf1Sg0Ya"
"""What the synthetic keys of the examples are filled with."""

CREDENTIALS: tuple[Detector, ...] = (
    Detector(
        kind="private_key", label="secret.private_key", shown="key", bound="open", alone=99, told=99, reach=16_384,
        pattern=r"-----BEGIN[ A-Z0-9]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-[^-])*-----END[ A-Z0-9]*-----|[A-Za-z0-9+/=\s\\]*)",
        examples=(
            f"-----BEGIN RSA PRIVATE KEY-----\nMIIB{_R}\n{_R}\n-----END RSA PRIVATE KEY-----",
            f"key: -----BEGIN PRIVATE KEY-----\\n{_R}",
        ),
        counterexamples=(f"-----BEGIN CERTIFICATE-----\n{_R}\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----"),
    ),
    Detector(
        kind="jwt", label="secret.token", shown="key", bound="open", check="key", alone=97, told=98, reach=4096,
        pattern=r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{4,}(?:\.[0-9A-Za-z_-]*)?",
        examples=(f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{_R}", f"eyJhbGciOiJub25lIn0.eyJzdWIiOiI{_R}."),
        counterexamples=("eyJ is how they begin",),
    ),
    _token("aws_access_key", "secret.api_key", r"A(?:KIA|SIA|ROA|IDA|BIA|CCA)[0-9A-Z]{16}", "AKIA" + "Q3EGRM5WJ2T7XNB4"),
    _token(
        "gcp_key", "secret.api_key", r"(?:AIza[0-9A-Za-z_-]{30,64}|(?:ya29\.|GOCSPX-|1//0)[0-9A-Za-z_-]{20,})",
        "AIza" + "Sy" + _R + "x", "ya29." + _R, "GOCSPX-" + _R[:28],
    ),
    _token(
        "azure_key", "secret.api_key", r"(?:AccountKey=[A-Za-z0-9+/]{40,100}={0,2}|[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34})",
        "AccountKey=" + _R + _R + "==", "abC8Q~" + _R,
    ),
    _token("azure_sas", "secret.token", r"sig=[A-Za-z0-9%+/]{40,}={0,2}", "https://x.example.com/b?sv=1&sig=" + _R + _R),
    _token(
        "github_token", "secret.token", r"(?:gh[pousr]_[0-9A-Za-z]{20,255}|github_pat_[0-9A-Za-z_]{20,255})",
        "ghp_" + _R + "abcd", "github_pat_" + _R + "_" + _R,
    ),
    _token("gitlab_token", "secret.token", r"gl(?:pat|dt|ptt|rt|cbt|ft|soat|agent)-[0-9A-Za-z_.-]{16,64}", "glpat-" + _R[:20]),
    _token("slack_token", "secret.token", r"x(?:ox[abeoprs]|app)(?:\.[a-z]+)?-[0-9A-Za-z-]{8,255}", "xoxb-" + "1234-5678-" + _R),
    _token(
        "webhook", "secret.token",
        r"https://(?:hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,}"
        r"|(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/[0-9A-Za-z_-]{40,})",
        "https://hooks.slack.com/services/" + "T0000/B0000/" + _R,
    ),
    _token("stripe_key", "secret.api_key", r"(?:[rsp]k_(?:live|test)_[0-9A-Za-z]{10,}|whsec_[0-9A-Za-z+/=]{20,})", "sk_live_" + _R),
    _token("anthropic_key", "secret.api_key", r"sk-ant-[0-9A-Za-z_-]{16,}", "sk-ant-" + "api03-" + _R),
    _token("openai_key", "secret.api_key", r"(?:sk|sess)-(?:[0-9A-Za-z]+[-_])*[0-9A-Za-z]{16,}[0-9A-Za-z_-]*", "sk-" + _R, "sk-proj-" + _R),
    _token("huggingface_token", "secret.token", r"(?:hf|api_org)_[0-9A-Za-z]{16,64}", "hf_" + _R + "ab"),
    _token("npm_token", "secret.token", r"npm_[0-9A-Za-z]{24,64}", "npm_" + _R + "abcd"),
    _token("pypi_token", "secret.token", r"pypi-[0-9A-Za-z_-]{16,}", "pypi-" + "AgEIcHlwaS5vcmc" + _R),
    _token("sendgrid_key", "secret.api_key", r"SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}", "SG." + _R[:22] + "." + _R),
    _token("telegram_token", "secret.token", r"[0-9]{8,10}:AA[0-9A-Za-z_-]{32,34}", "1234567890:AA" + _R),
    _token(
        "platform_token", "secret.token",
        r"(?:do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|dapi[0-9a-f]{32}|hvs\.[0-9A-Za-z_-]{24,}"
        r"|(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}|dckr_pat_[0-9A-Za-z_-]{20,}|lin_api_[0-9A-Za-z]{32,}|NRAK-[0-9A-Z]{24,}|dop_v1_[0-9a-f]{64}|glc_[0-9A-Za-z+/=]{32,}"
        r"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|sntrys_[0-9A-Za-z+/=_]{32,}|nfp_[0-9A-Za-z]{36,}|rubygems_[0-9a-f]{48}|ATATT3[0-9A-Za-z_=-]{60,})",
        "dapi" + "0123456789abcdef" * 2, "SK" + "0123456789abcdef" * 2, "key-" + "0123456789abcdef" * 2, "hvs." + _R, "shpat_" + "0123456789abcdef" * 2,
    ),
    Detector(
        kind="aws_secret_key", label="secret.api_key", shown="key", bound="token", check="secret", alone=20, told=92,
        pattern=r"[A-Za-z0-9/+]{40}", needs="0", context=("aws", "secretaccesskey", "awssecret"),
        examples=("aws_secret_access_key = " + _R + "Ab1Cd2Ef",),
        counterexamples=("commit 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",),
    ),
    Detector(
        kind="url_credentials", label="secret.connection", shown="credentials", bound="open", follow="@", alone=97, told=97,
        lead=r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@?#]{0,128}:", pattern=r"[^\s/@]{1,256}", needs="@:", check="password",
        examples=("postgresql://app:hunter2@db.example.com/main", "https://user:pa55word@example.com/x"),
        counterexamples=("https://example.com:8080/a@b", "https://user@example.com"),
        reach=300,
    ),
    Detector(
        kind="password_hash", label="secret.password_hash", shown="key", bound="open", alone=97, told=98, reach=320,
        pattern=r"(?:\$(?:2[abxy]?|1|5|6|7|y|gy|argon2(?:id|i|d)|pbkdf2(?:-[a-z0-9]+)?|scrypt|apr1|P|H)\$[./A-Za-z0-9$=,+-]{20,}"
        r"|SSHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2}|(?:pbkdf2_sha\d+|bcrypt_sha256|argon2)\$[./A-Za-z0-9$=,+-]{20,}"
        r"|SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=:$]{20,})",
        examples=("$2b$12$" + _R + _R[:21], "$argon2id$v=19$m=65536,t=3,p=4$" + _R, "pbkdf2_sha256$600000$" + _R),
        counterexamples=("$2 for a coffee", "costs $5$ or more"),
    ),
    Detector(
        kind="password", label="secret.password", shown="secret", bound="open", check="password", alone=85, told=85, reach=160,
        lead=r"(?i:(?:pass(?:word|wd|phrase|code)|pwd|passwort|kennwort|contrase[^\s]{1,3}a|mot de passe|senha))" + _SAID,
        pattern=r"[^\s,;\"'<>]{3,128}",
        examples=("password: swordfish9", '{"passwd": "s3cr3t!"}', "Pwd=letme1n;Server=x"),
        counterexamples=("password is required", "password: null", "reset your password: please click", "password=****"),
    ),
    Detector(
        kind="password_said", label="secret.password", shown="secret", bound="open", check="password", alone=85, told=85, reach=160,
        lead=r"(?i:pass(?:word|wd|phrase|code)|passwort|kennwort|senha) (?:is|was|ist|:)[: ]{1,2}[\"']?",
        pattern=r"[^\s,;\"'<>0-9@#$%^&*]{0,32}[0-9@#$%^&*][^\s,;\"'<>]{0,100}",
        examples=("the password is Tr0ub4dor", "the passcode was 77a1b"),
        counterexamples=("the password is Budget", "password is required"),
    ),
    Detector(
        kind="bearer", label="secret.token", shown="secret", bound="open", check="secret", alone=92, told=95, reach=400,
        lead=r"(?i:bearer[ :]{1,2})", pattern=r"[0-9A-Za-z._~+/=-]{16,}",
        examples=("Authorization: Bearer " + _R,),
        counterexamples=("the bearer of this letter is trustworthy",),
    ),
    Detector(
        kind="basic_auth", label="secret.password", shown="secret", bound="open", check="secret", alone=92, told=95, reach=300,
        lead=r"(?i:authorization[\"']?\s?[:=]\s?[\"']?basic )", pattern=r"[A-Za-z0-9+/]{8,}={0,2}",
        examples=("Authorization: Basic dXNlcjpwYTU1d29yZA==",),
    ),
    Detector(
        kind="secret", label="secret.api_key", shown="secret", bound="open", check="secret", alone=88, told=88, reach=300,
        lead=r"(?i:(?:api|access|secret|auth|private|signing|encryption|client|session|refresh|master|app)?[-_ ]?"
        r"(?:key|token|secret|credentials?))" + _SAID,
        pattern=r"[^\s,;\"'<>&]{10,256}",
        examples=("api_key = " + _R, "token: a8f5f167f44f4964e6c998dee827110c", 'client-secret="' + _R + '"'),
        counterexamples=("primary key: customer_identifier", "token: 12345678901234", "the key is under the doormat"),
    ),
    Detector(
        kind="setting_secret", label="secret.api_key", shown="secret", bound="open", check="secret", alone=88, told=88, reach=300,
        lead=r"(?:[A-Za-z0-9]{1,20}[_.-]){1,4}(?i:key|token|secret|credentials?|password|passwd|pwd)[\"']?[:=][\"']?",
        pattern=r"[^\s,;\"'<>&:]{8,256}", needs=":",
        examples=("STRIPE_WEBHOOK_SECRET=" + _R, "export DB_PASSWORD=n0tSoS3cret"),
        counterexamples=("sort.key=created_at", "cache_key=user:12345678"),
    ),
    Detector(
        kind="secret_by_name", label="secret.api_key", shown="secret", check="secret", alone=5, told=85, reach=300,
        pattern=r"[0-9A-Za-z_+/.~-]{16,256}={0,2}", needs="0", context=_WORDS,
        against=("public", "primary", "foreign", "idempotency", "cache", "partition", "sort", "row", "record", "object"),
        examples=("secret " + _R, "our token " + _R),
        counterexamples=("request 7d4bc9e0a1f24c6f9b1e", "token 0f8fad5b-d9cb-469f-a165-70867728950e"),
    ),
)  # fmt: skip
