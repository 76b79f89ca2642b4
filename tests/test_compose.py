"""The docker compose file cannot be run in a test; what it names must be what the code knows."""

import re
from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url

from edgekit.cli import app
from edgekit.jobs.cluster import checked
from tests.test_architecture import tracked

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / ".docker" / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(re.sub(r"\$\{\w+:-(\w+)\}", r"\1", TEXT))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "edgekit"}


def test_there_are_an_app_a_scheduler_two_workers_a_database_and_storage():
    assert set(SERVICES) == {"app", "scheduler", "worker", "database", "files", "bucket"}
    assert SERVICES["worker"]["deploy"] == {"replicas": 2}


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_commands_and_their_options_are_those_of_the_command_line(name):
    python, minus_m, package, verb, *options = SERVICES[name]["command"]
    assert (python, minus_m, package) == ("python", "-m", "edgekit")
    (function,) = [one.callback for one in app.registered_commands if (one.name or one.callback.__name__) == verb]
    assert {option.removeprefix("--") for option in options[::2]} <= set(function.__annotations__)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_of_ours_is_read_somewhere_in_the_code(name):
    code = "".join(path.read_text("utf-8") for path in tracked(".py") if "edgekit" in path.parts)
    settings = [setting for setting in OURS[name]["environment"] if setting.startswith("EDGEKIT_")]
    assert {"EDGEKIT_STORE", "EDGEKIT_FILES", "EDGEKIT_SCHEDULER"} <= set(settings)
    assert [setting for setting in settings if f'"{setting}"' not in code] == []


def test_addresses_lead_to_services_that_are_there():
    for service in OURS.values():
        settings = service["environment"]
        assert make_url(settings["EDGEKIT_STORE"]).host == "database"
        assert checked(settings["EDGEKIT_SCHEDULER"]) == "tcp://scheduler:8786"
        assert settings["AWS_ENDPOINT_URL"].startswith("http://files:")
    (port,) = [word.partition("=")[2] for word in SERVICES["files"]["command"] if word.startswith("-s3.port")]
    assert OURS["app"]["environment"]["AWS_ENDPOINT_URL"].endswith(f":{port}")


def test_the_database_and_the_storage_know_the_keys_that_are_used():
    used, database = OURS["app"]["environment"], SERVICES["database"]["environment"]
    address = make_url(used["EDGEKIT_STORE"])
    names = ("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB")
    assert [database[name] for name in names] == [address.username, address.password, address.database]
    (identity,) = yaml.safe_load(COMPOSE["configs"]["keys"]["content"])["identities"]
    keys = {"accessKey": used["AWS_ACCESS_KEY_ID"], "secretKey": used["AWS_SECRET_ACCESS_KEY"]}
    assert identity["credentials"] == [keys]


def test_volumes_and_dependencies_are_declared():
    for service in SERVICES.values():
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", [])) <= set(SERVICES)


def test_the_image_holds_what_the_services_need():
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    assert "-r .docker/requirements.txt" in dockerfile
    assert f"EXPOSE {OURS['app']['ports'][0].partition(':')[2]}" in dockerfile
