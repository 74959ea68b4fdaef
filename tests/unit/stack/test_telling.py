"""What Compose is told: what `.env` says, and nothing that merely stands in the shell."""

import shutil
from pathlib import Path

import pytest

from ingest_service.settings import Settings as IngestSettings
from notify_service.settings import Settings as NotifySettings
from paybell_sandbox.stack import asked
from paybell_sandbox.stack.telling import CannotStartError, for_anything_else, for_bringing_up
from paybell_sandbox.supervisor.env_file import parse
from paybell_sandbox.supervisor.mode import DATA, KEYS

ROOT = Path(__file__).resolve().parents[3]
ASKED = asked.names(ROOT / "docker-compose.yml")
REAL = {
    "STRIPE_API_KEY": "rk_test_1",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_FROM": "+14155550100",
}
DECIDED = {
    *(f"{service}_{what}" for service in ("INGEST", "NOTIFY") for what in ("HTTP_LISTEN", "ADMIN_LISTEN")),
    *("INGEST_CONSOLE_LISTEN", "INGEST_CONSOLE_HOSTS", "INGEST_NOTIFY_TARGET", "NOTIFY_GRPC_LISTEN"),
    *("GRPC_TLS_CA", "GRPC_TLS_CERT", "GRPC_TLS_KEY", "GRPC_INSECURE", "NOTIFY_VENDOR_TIME_SCALE"),
    *("INGEST_DATABASE_POOLED", "NOTIFY_DATABASE_POOLED", *DATA),
}
"""What the stack decides itself: how its own parts meet, and its own database."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "compose", tmp_path / "compose")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    for service in ("ingest", "notify"):
        (tmp_path / "config" / service).mkdir(parents=True)
    return tmp_path


def write(clone: Path, settings: dict[str, str]) -> None:
    (clone / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def test_every_name_of_the_example_reaches_a_container() -> None:
    assert not parse((ROOT / ".env.example").read_text()).keys() - ASKED - set(DATA)


def test_every_setting_of_the_services_reaches_a_container_or_is_the_stacks_own() -> None:
    fields = {name.upper() for settings in (IngestSettings, NotifySettings) for name in settings.model_fields}
    assert fields - ASKED == DECIDED


def test_every_key_may_stand_in_a_file() -> None:
    assert not {f"{name}_FILE" for name in KEYS} - ASKED


def test_without_keys_the_sandbox_plays_and_what_else_env_says_holds(clone: Path) -> None:
    write(clone, {"NOTIFY_ZONE": "Europe/Vienna", "NOTIFY_BRAND": "Acme", "INGEST_PUBLIC_URL": "https://a.example"})
    told = for_bringing_up(clone, {})
    assert told.played
    assert told.environment["NOTIFY_ZONE"] == "Europe/Vienna"
    assert told.environment["NOTIFY_BRAND"] == "Acme"
    assert told.environment["STRIPE_API_BASE"] == "http://sandbox:8070/stripe"
    assert told.environment["INGEST_PUBLIC_URL"] == "http://ingest-service:8080"


def test_a_key_in_the_shell_reaches_no_stack_and_a_port_does(clone: Path) -> None:
    shell = {"PATH": "/bin", "SANDBOX_PORT": "9", "COMPOSE_PROFILES": "sandbox", "NOTIFY_BRAND": "Shell"}
    shell |= {"STRIPE_API_KEY": "sk_live_1", "TWILIO_AUTH_TOKEN": "mine", "STRIPE_API_KEY_FILE": "/key"}
    for environment in (for_bringing_up(clone, shell).environment, for_anything_else(clone, shell)):
        assert not {"sk_live_1", "mine", "/key", "Shell"} & set(environment.values())
        assert "COMPOSE_PROFILES" not in environment
        assert environment["SANDBOX_PORT"] == "9"
        assert environment["PATH"] == "/bin"


def test_every_name_that_compose_asks_for_is_said_so_that_no_file_of_its_own_choice_fills_it(clone: Path) -> None:
    assert for_anything_else(clone, {}).keys() >= ASKED


def test_keys_in_files_and_exported_lines_are_keys(clone: Path) -> None:
    (clone / "config/ingest/key").write_text("rk_test_1")
    lines = ["export TWILIO_ACCOUNT_SID='AC1'", 'TWILIO_AUTH_TOKEN="to$ken" # mine', "TWILIO_FROM=+14155550100"]
    (clone / ".env").write_text("\n".join(["STRIPE_API_KEY_FILE=config/ingest/key", *lines]))
    (clone / "config/ingest/key").chmod(0o644)
    (clone / "config/ingest").chmod(0o755)
    told = for_bringing_up(clone, {})
    assert not told.played
    assert told.environment["STRIPE_API_KEY_FILE"] == "config/ingest/key"
    assert told.environment["STRIPE_API_KEY"] == ""
    assert told.environment["TWILIO_AUTH_TOKEN"] == "to$ken"
    assert told.environment["STRIPE_API_BASE"] == "", "docker-compose.yml names the real one then"


def test_what_no_container_is_told_is_named(clone: Path) -> None:
    write(clone, {**REAL, "INGEST_HTTP_LISTEN": "0.0.0.0:80", "NOTIFY_BRANT": "Acme", "INGEST_PORT": "80"})
    assert for_bringing_up(clone, {}).left_out == ("INGEST_HTTP_LISTEN", "NOTIFY_BRANT")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"STRIPE_API_KEY": "rk_test_1"}, "TWILIO_ACCOUNT_SID is missing"),
        ({**REAL, **dict.fromkeys(DATA, "x")}, "are for `make run`"),
        ({**REAL, "INGEST_RULES_FILE": "/etc/rules.yaml"}, "INGEST_RULES_FILE=config/ingest/rules.yaml"),
        ({**REAL, "NOTIFY_POLICY_FILE": "config/notify/policy.yaml"}, "there is no such file"),
        ({**REAL, "NOTIFY_POLICY_FILE": "config/ingest/../../.env"}, "sees config/notify only"),
        ({"what is": "this"}, "line 1"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(clone: Path, settings: dict[str, str], said: str) -> None:
    write(clone, settings)
    with pytest.raises(CannotStartError, match=said):
        for_bringing_up(clone, {})


def test_a_file_that_the_services_user_cannot_read_is_refused_with_what_helps(clone: Path) -> None:
    rules = clone / "config/ingest/rules.yaml"
    rules.touch(mode=0o600)
    rules.parent.chmod(0o755)
    write(clone, {"INGEST_RULES_FILE": str(rules)})
    with pytest.raises(CannotStartError, match=r"chown 10001 config/ingest/rules\.yaml"):
        for_bringing_up(clone, {})
    rules.chmod(0o644)
    assert for_bringing_up(clone, {}).environment["INGEST_RULES_FILE"] == "config/ingest/rules.yaml"
    rules.parent.chmod(0o700)
    with pytest.raises(CannotStartError, match=r"chown 10001 config/ingest$"):
        for_bringing_up(clone, {})
