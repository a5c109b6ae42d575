"""The tables of labelling: labels, analyses, moments, money. Rows only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from medialib.models.asset import new_id


class Label(models.Model):
    """A name found by a machine. Its integer id is stable: indexes are built on it."""

    class Origin(models.TextChoices):
        """Where the name came from."""

        TAXONOMY = "taxonomy"
        ANSWER = "answer"
        PERSON = "person"

    name = models.CharField(max_length=100)
    folded = models.CharField(max_length=100, unique=True)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.ANSWER)
    hidden = models.BooleanField(
        default=False,
        help_text="Kept out of lists, suggestions and facets; a search by name still finds it.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LabelParent(models.Model):
    """`parent` is an ancestor of `label`, says `model_version`; cycles are refused on writing."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="parent_rows")
    parent = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="child_rows")
    model_version = models.CharField(max_length=50)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "parent"], name="one_parent_row"),
            models.CheckConstraint(condition=~Q(label=F("parent")), name="not_own_parent"),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} is a {self.parent_id}"


class LabelAlias(models.Model):
    """Another word for a label."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="alias_rows")
    name = models.CharField(max_length=100)
    folded = models.CharField(max_length=100)
    model_version = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "folded"], name="one_alias_row")]

    def __str__(self) -> str:
        return self.name


class LabelCategory(models.Model):
    """The category a label belongs to (Rekognition's names)."""

    label = models.ForeignKey(Label, on_delete=models.CASCADE, related_name="category_rows")
    name = models.CharField(max_length=100)
    model_version = models.CharField(max_length=50)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "name"], name="one_category_row")]

    def __str__(self) -> str:
        return self.name


class Analysis(models.Model):
    """Our record of one labelling run for one feature of one asset."""

    class Feature(models.TextChoices):
        """What is looked for."""

        LABELS = "labels"
        MODERATION = "moderation"
        TEXT = "text"
        FACES = "faces"
        SEGMENTS = "segments"
        CUSTOM = "custom"
        SPEECH = "speech"

    class Status(models.TextChoices):
        """Where a run stands."""

        QUEUED = "QUEUED"
        IN_PROGRESS = "IN_PROGRESS"
        SUCCEEDED = "SUCCEEDED"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"

    class Source(models.TextChoices):
        """Whose time and frame the answer is in."""

        ORIGINAL = "original"
        RENDITION = "rendition"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    asset = models.ForeignKey("medialib.Asset", on_delete=models.CASCADE, related_name="analyses")
    feature = models.CharField(max_length=10, choices=Feature.choices, default=Feature.LABELS)
    backend = models.CharField(max_length=30)
    model_version = models.CharField(max_length=50, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    object_version = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=9, choices=Source.choices, default=Source.RENDITION)
    job_id = models.CharField(max_length=100, blank=True, db_index=True)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.QUEUED)
    current = models.BooleanField(default=False)
    code = models.CharField(max_length=50, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    notes = models.JSONField(default=list, blank=True)
    # Storage names; boxes_index lists [start_ms, offset, length] of the blocks in boxes_name.
    raw_name = models.CharField(max_length=300, blank=True)
    # How far the pages are read: {"parts": stored parts, "token": of the next page}.
    reading = models.JSONField(default=dict, blank=True)
    boxes_name = models.CharField(max_length=300, blank=True)
    boxes_index = models.JSONField(default=list, blank=True)
    detections = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "analyses"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset", "feature"],
                condition=Q(current=True),
                name="one_current_analysis",
            ),
            models.CheckConstraint(
                condition=Q(current=False) | Q(status="SUCCEEDED"),
                name="current_has_succeeded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} of {self.asset_id} by {self.backend}: {self.status}"


class Moment(models.Model):
    """A stored span in which a label is seen. Half-open, integer milliseconds; a photo has 0, 0."""

    class Origin(models.TextChoices):
        """Who says so."""

        MACHINE = "machine"
        PERSON = "person"

    asset = models.ForeignKey("medialib.Asset", on_delete=models.CASCADE, related_name="moments")
    analysis = models.ForeignKey(
        Analysis, null=True, blank=True, on_delete=models.CASCADE, related_name="moments"
    )
    feature = models.CharField(
        max_length=10, choices=Analysis.Feature.choices, default=Analysis.Feature.LABELS
    )
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="moments")
    origin = models.CharField(max_length=7, choices=Origin.choices, default=Origin.MACHINE)
    start_ms = models.PositiveBigIntegerField()
    end_ms = models.PositiveBigIntegerField()
    confidence = models.FloatField()
    mean_confidence = models.FloatField()
    instances = models.PositiveIntegerField(default=0)
    screen_share = models.FloatField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["asset", "start_ms"], name="moment_by_time"),
            models.Index(fields=["analysis", "label"], name="moment_of_analysis"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(start_ms=0, end_ms=0) | Q(end_ms__gt=F("start_ms")),
                name="moment_has_length",
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=100),
                name="moment_confidence_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label_id} {self.start_ms}-{self.end_ms} ms"


class Cap(models.Model):
    """What may be spent, in US dollars: each month or day anew, or once for an asset or a batch.

    `scope` is `library`, `owners` (each owner without a cap of their own), `u:<id>`,
    `asset:<id>` or `batch:<id>`.
    """

    class Kind(models.TextChoices):
        """How often it holds; months and days are UTC."""

        MONTH = "month"
        DAY = "day"
        ONCE = "once"

    scope = models.CharField(max_length=60)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    amount = models.DecimalField(max_digits=12, decimal_places=6)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    set_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["scope", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["scope", "kind"], name="one_cap"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="cap_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.amount} USD each {self.kind}"


class BudgetPeriod(models.Model):
    """What is spent and set aside in one UTC month (2026-09) or day (2026-09-23); US dollars."""

    scope = models.CharField(max_length=60)
    period = models.CharField(max_length=10)
    reserved = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    spent = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    # When a run first had to wait for money here, so that it is said once.
    reached_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "period"], name="one_budget_period"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, spent__gte=0), name="money_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.period}: {self.spent} USD"


class LedgerEntry(models.Model):
    """One call of a provider that costs money; it stays when asset, analysis or owner go."""

    asset = models.ForeignKey(
        "medialib.Asset", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    analysis = models.ForeignKey(
        Analysis, null=True, on_delete=models.SET_NULL, related_name="ledger"
    )
    backend = models.CharField(max_length=30)
    feature = models.CharField(max_length=10, choices=Analysis.Feature.choices)
    operation = models.CharField(max_length=60)
    units = models.DecimalField(max_digits=12, decimal_places=4)
    unit = models.CharField(max_length=20)
    price = models.DecimalField(max_digits=12, decimal_places=6)
    cost = models.DecimalField(max_digits=12, decimal_places=6)
    # Written before the call: whether the provider took it is not known until it is settled.
    uncertain = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["at"], name="ledger_by_time")]
        constraints = [
            models.CheckConstraint(condition=Q(cost__gte=0, units__gte=0), name="ledger_positive")
        ]

    def __str__(self) -> str:
        return f"{self.operation}: {self.units} {self.unit}, {self.cost} USD"


class Reservation(models.Model):
    """Money set aside for one attempt of an analysis until its call is settled or given up."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        SETTLED = "settled"
        RELEASED = "released"

    analysis = models.ForeignKey(
        Analysis, null=True, on_delete=models.SET_NULL, related_name="reservations"
    )
    attempt = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    amount = models.DecimalField(max_digits=12, decimal_places=6)
    # The periods it is counted in, by their primary keys.
    periods = models.JSONField(default=list)
    # The call that was about to be made and whose outcome is not known yet.
    pending = models.ForeignKey(
        LedgerEntry, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["analysis", "attempt"], name="one_reservation"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="reservation_not_negative"),
        ]
        indexes = [
            models.Index(fields=["made_at"], name="reservation_open", condition=Q(state="open"))
        ]

    def __str__(self) -> str:
        return f"{self.amount} USD for {self.analysis_id}: {self.state}"


class VocabularyVersion(models.Model):
    """The one row that says which vocabulary is in force, so that all processes notice a change."""

    # Fresh with every change of labels or relations; a random one, so that no two states share it.
    token = models.CharField(max_length=36)
    # SHA-256 of the shipped file that was loaded last: loading it again does nothing.
    shipped_sha256 = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.token


class Slot(models.Model):
    """The place of an analysis at a provider that runs only so many jobs at once."""

    # Whose jobs are counted together: the backend's alias.
    account = models.CharField(max_length=30)
    analysis = models.OneToOneField(Analysis, on_delete=models.CASCADE, related_name="slot")
    owner_id = models.BigIntegerField()
    priority = models.SmallIntegerField(default=0)
    # None while it queues; the database itself refuses to give a number twice.
    number = models.PositiveSmallIntegerField(null=True, blank=True)
    job_id = models.CharField(max_length=100, blank=True, db_index=True)
    asked_at = models.DateTimeField(default=timezone.now)
    given_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-priority", "asked_at", "pk"]
        indexes = [models.Index(fields=["account", "-priority", "asked_at"], name="slot_queue")]
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="one_slot_of_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.number or 'queued'}: {self.analysis_id}"


class Pace(models.Model):
    """When the next call of a kind may be made, for all processes together."""

    name = models.CharField(max_length=60, unique=True)
    # Seconds since 1970.
    next_at = models.FloatField(default=0)

    def __str__(self) -> str:
        return f"{self.name} from {self.next_at}"
