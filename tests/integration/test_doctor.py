"""The doctor finds what is broken, says what to do, and ends with 1 only then.

Amazon's services are moto's doubles here, Rekognition is the project's own double.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import boto3
import pytest
from django.core.management import call_command
from moto import mock_aws
from moto.iam import iam_backends

from labelling import backends, budget
from medialib import aws, pulses
from medialib.environment import storage_options
from medialib.management import policies
from tests.servers.rekognition.double import Double
from tests.servers.rekognition.faults import Fault
from tests.servers.rekognition.media import Bucket
from tests.servers.rekognition.server import serving

pytestmark = pytest.mark.django_db
ACCOUNT = "123456789012"
REGION = "eu-central-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:notices"
NAMES = policies.Names(account=ACCOUNT, region=REGION, topic=TOPIC)
S3 = f"https://s3.{REGION}.amazonaws.com"


def look():
    """Run the command; gives its exit code and its lines."""
    out = StringIO()
    code = 0
    try:
        call_command("doctor", stdout=out, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, [" ".join(line.split()) for line in out.getvalue().splitlines()]


def has(lines, start):
    return any(line.startswith(start) for line in lines)


# ---- Embedded ----------------------------------------------------------------------------------


@pytest.fixture
def embedded(library, settings, tmp_path):
    settings.CELERY_BROKER_URL = "filesystem://localhost"
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": str(tmp_path)}
    return settings


def test_a_sound_embedded_library_is_sound(embedded):
    code, lines = look()
    assert code == 0
    for part in ("settings", "data folder", "database", "queue", "search", "storage", "labelling"):
        assert has(lines, f"ok {part}")
    # Who does not use Amazon hears nothing of it.
    assert not [line for line in lines if "Amazon" in line or "bucket" in line]
    assert "note queue No worker has been heard of; 0 steps are to be done." in lines


def test_a_worker_that_alone_is_silent_is_named(embedded):
    pulses.note("light", "scheduler")
    code, lines = look()
    assert code == 1
    assert "bad workers Heavy worker: not heard of yet." in lines
    pulses.note("heavy")
    code, lines = look()
    assert code == 0
    assert has(lines, "ok workers Heavy worker, light worker and scheduler are at work.")


def test_what_is_broken_is_named_with_its_cure(embedded, tmp_path):
    embedded.MEDIALIB_MIN_FREE_BYTES = 10**18
    embedded.CELERY_BROKER_TRANSPORT_OPTIONS = {"data_folder_in": str(tmp_path / "gone")}
    embedded.MEDIALIB_DEFAULT_VISIBILITY = "everyone"
    key = embedded.MEDIALIB_DATA_DIR / "secret-key"
    key.touch()
    key.chmod(0o644)
    code, lines = look()
    key.chmod(0o600)
    assert code == 1
    assert has(lines, "bad settings MEDIALIB_DEFAULT_VISIBILITY is 'everyone'")
    assert has(lines, "bad queue")
    assert has(lines, "bad data folder Others may read the secret key.")
    assert f"→ chmod 600 {key}" in lines
    assert "→ Free some space: uploads stop below MEDIALIB_MIN_FREE_BYTES." in lines


def test_a_broker_that_is_away_is_found(embedded):
    embedded.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    code, lines = look()
    assert code == 1
    assert has(lines, "bad queue")


# ---- Amazon ------------------------------------------------------------------------------------


class Amazon:
    """An account with all that the library needs, and the settings that name it."""

    def __init__(self, settings, double):
        self.settings = settings
        self.double = double
        self.s3 = boto3.client("s3", region_name=REGION)
        self.iam = boto3.client("iam")
        # Whom moto takes its callers for.
        self.iam.create_user(UserName="moto")
        self.make_bucket("media", REGION)
        self.set(region=REGION)

    def make_bucket(self, name, region):
        place = {"LocationConstraint": region}
        boto3.client("s3", region_name=region).create_bucket(
            Bucket=name, CreateBucketConfiguration=place
        )

    def set(self, **options):
        entry = self.settings.LABELLING_BACKENDS["rekognition"]
        changed = {**entry, "OPTIONS": {**entry["OPTIONS"], **options}}
        self.settings.LABELLING_BACKENDS = {
            **self.settings.LABELLING_BACKENDS,
            "rekognition": changed,
        }
        backends._load.cache_clear()

    def add_rules(self):
        names = policies.Names(account=ACCOUNT, region=REGION, bucket="media")
        self.s3.put_bucket_lifecycle_configuration(
            Bucket="media", LifecycleConfiguration=policies.bucket_lifecycle(names)
        )
        self.s3.put_bucket_cors(Bucket="media", CORSConfiguration=policies.bucket_cors(names))

    def add_notices(self):
        sns, sqs = (boto3.client(name, region_name=REGION) for name in ("sns", "sqs"))
        topic = sns.create_topic(Name="notices")["TopicArn"]
        queue = sqs.create_queue(QueueName="notices")["QueueUrl"]
        arn = policies.queue_arn(queue)
        role = f"arn:aws:iam::{ACCOUNT}:role/announcer"
        names = policies.Names(account=ACCOUNT, region=REGION, topic=topic, queue=arn, role=role)
        trust = json.dumps(policies.role_trust(names))
        self.iam.create_role(RoleName="announcer", AssumeRolePolicyDocument=trust)
        policy = {"Policy": json.dumps(policies.queue_policy(names))}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=policy)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.set(topic=topic, role=role)
        self.settings.MEDIALIB_NOTICES_QUEUE_URL = queue
        return topic, queue


@pytest.fixture(scope="module")
def rekognition():
    """The double's server; the bucket it reads from is moto's of each test."""
    bucket = Bucket(S3, region=REGION, key="test-double", secret="test-double")
    double = Double(REGION, bucket)
    double.quotas = {}
    with serving(double) as server:
        yield server


@pytest.fixture
def amazon(embedded, rekognition, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-double")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, REGION)
    aws.forget_clients()
    with mock_aws():
        made = Amazon(embedded, rekognition.double)
        made.set(endpoint=rekognition.url)
        options = storage_options("s3://media/library", tmp_path)
        embedded.STORAGES = {**embedded.STORAGES, "default": options}
        embedded.MEDIALIB_STORAGE = "s3://media/library"
        embedded.MEDIALIB_LABELLING = "rekognition"
        budget.set_cap(budget.LIBRARY, "month", Decimal(1), actor=None)
        yield made
    backends._load.cache_clear()
    aws.forget_clients()


def test_a_sound_library_in_amazon_is_sound(amazon):
    amazon.add_rules()
    amazon.add_notices()
    code, lines = look()
    assert code == 0, lines
    assert not [line for line in lines if line.startswith("note") and "queue No worker" not in line]
    for name in ("DetectLabels", "StartLabelDetection", "GetLabelDetection"):
        assert f"ok permissions rekognition:{name} is allowed." in lines
    assert f"ok bucket media answers from {REGION}." in lines
    assert "ok notices Rekognition may take the role, for this account only." in lines


def test_looking_costs_nothing_and_leaves_nothing(amazon):
    amazon.add_notices()
    look()
    assert amazon.double.paid == []
    assert "Contents" not in amazon.s3.list_objects_v2(Bucket="media")
    assert "Uploads" not in amazon.s3.list_multipart_uploads(Bucket="media")


def test_without_notices_it_is_polling_only(amazon):
    code, lines = look()
    assert code == 0
    assert has(lines, "note notices Polling only")
    assert has(lines, "note bucket Parts of unfinished uploads stay for ever.")
    assert has(lines, "note bucket Browsers may not send large files")


def test_without_a_cap_nothing_paid_runs(amazon):
    budget.set_cap(budget.LIBRARY, "month", None, actor=None)
    code, lines = look()
    assert code == 1
    assert "bad labelling Nothing paid runs: the library has no cap." in lines


def test_a_bucket_in_another_region_than_rekognition_is_found(amazon):
    amazon.set(region="eu-west-1")
    code, lines = look()
    assert code == 1
    assert has(lines, f"bad bucket The bucket is in {REGION}, Rekognition is asked in eu-west-1")
    assert has(lines, f"→ Set MEDIALIB_REKOGNITION_REGION={REGION}")


def test_a_bucket_that_is_not_there_is_found(amazon, tmp_path):
    options = storage_options("s3://nowhere/library", tmp_path)
    amazon.settings.STORAGES = {**amazon.settings.STORAGES, "default": options}
    code, lines = look()
    assert code == 1
    assert "bad bucket There is no bucket nowhere." in lines


def test_a_region_without_rekognition_is_found(amazon):
    amazon.set(region="eu-north-1", endpoint="")
    code, lines = look()
    assert code == 1
    assert "bad region Rekognition is not known to be in eu-north-1." in lines


@pytest.mark.parametrize("name", ["DetectLabels", "StartLabelDetection", "GetLabelDetection"])
def test_a_missing_permission_is_named(amazon, name):
    amazon.double.faults.add(Fault(name, code="AccessDeniedException", message="no"))
    code, lines = look()
    assert code == 1
    assert f"bad permissions rekognition:{name} is not allowed." in lines


def test_half_a_set_of_names_is_found(amazon):
    amazon.set(topic=f"arn:aws:sns:{REGION}:{ACCOUNT}:notices")
    code, lines = look()
    assert code == 1
    assert "bad notices Topic, role and queue are not all set." in lines


def test_what_is_wrong_with_notices_is_found(amazon):
    topic, queue = amazon.add_notices()
    sns, sqs = (boto3.client(name, region_name=REGION) for name in ("sns", "sqs"))
    heard = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=heard[0]["SubscriptionArn"])
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
    trust = json.dumps(policies.role_trust(NAMES)).replace("rekognition.", "ec2.")
    amazon.iam.update_assume_role_policy(RoleName="announcer", PolicyDocument=trust)
    code, lines = look()
    assert code == 1
    for sentence in (
        "The queue does not listen to the topic.",
        "Rekognition may not take the role.",
        "The topic may not write to the queue.",
    ):
        assert f"bad notices {sentence}" in lines
    amazon.set(topic=topic.replace("notices", "gone"))
    amazon.settings.MEDIALIB_NOTICES_QUEUE_URL = queue.replace("notices", "gone")
    amazon.iam.delete_role(RoleName="announcer")
    lines = look()[1]
    for what in ("topic", "role", "queue"):
        assert has(lines, f"bad notices There is no such {what}")
    amazon.set(topic=topic.replace(REGION, "us-east-1"))
    assert has(look()[1], "bad notices The topic is in us-east-1.")


def test_old_keys_and_keys_of_an_administrator_are_noted(amazon):
    document = json.dumps(policies.role_policy(NAMES))
    policy = amazon.iam.create_policy(PolicyName="AdministratorAccess", PolicyDocument=document)
    amazon.iam.attach_user_policy(UserName="moto", PolicyArn=policy["Policy"]["Arn"])
    key = amazon.iam.create_access_key(UserName="moto")["AccessKey"]
    stored = iam_backends[ACCOUNT]["aws"].users["moto"].access_keys[0]
    stored.create_date = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=100)
    code, lines = look()
    assert code == 0
    assert "ok credentials Amazon knows them as user/moto." in lines
    assert f"note credentials The access key …{key['AccessKeyId'][-4:]} is 100 days old." in lines
    assert has(lines, "note credentials The user moto is an administrator")


def test_missing_credentials_are_found(amazon, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    aws.forget_clients()
    code, lines = look()
    aws.forget_clients()
    assert code == 1
    assert "bad credentials Amazon does not know them (NoCredentials)." in lines
