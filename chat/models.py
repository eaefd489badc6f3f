"""People, rooms and messages. What must never be untrue is a constraint of the database."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from chat.emoji import EMOJI_MAX_CHARACTERS


class User(AbstractUser):
    """A person, or a bot: a user with a task that runs when the user is mentioned."""

    first_name = None  # type: ignore[assignment]  # Django's way to drop an inherited field
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(max_length=80, blank=True)
    is_bot = models.BooleanField(default=False)
    bot_task = models.CharField(
        max_length=80,
        blank=True,
        help_text="Name of the job that a mention of this bot enqueues, such as rag.answer.",
    )
    is_guest = models.BooleanField(
        default=False, help_text="Sees only the rooms he or she is a member of, and what is shared with them."
    )
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_username_any_case"),
            models.CheckConstraint(
                condition=Q(bot_task="") | Q(is_bot=True), name="user_only_bots_have_tasks"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def get_short_name(self) -> str:
        return self.display_name or self.username


class Room(models.Model):
    """A place for messages. `version` counts its durable changes; raised only under the row's lock."""

    class Kind(models.TextChoices):
        PUBLIC = "public"
        PRIVATE = "private"
        DIRECT = "direct"

    name = models.CharField(max_length=80)
    topic = models.CharField(max_length=250, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PUBLIC)
    version = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True, blank=True)
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="rooms"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("name"), condition=~Q(kind="direct"), name="room_name_any_case"),
            models.CheckConstraint(
                condition=Q(kind__in=("public", "private", "direct")), name="room_kind_known"
            ),
            models.CheckConstraint(condition=Q(version__gte=0), name="room_version_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in a room, with a role and the last version the user has read."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MODERATOR = "moderator"
        MEMBER = "member"
        GUEST = "guest"

    room = models.ForeignKey(Room, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    last_read_version = models.BigIntegerField(default=0)
    joined_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["room", "user"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(role__in=("owner", "moderator", "member", "guest")), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.room}"


class Message(models.Model):
    """One message. `posted_version` is its place in the room; `version` rises with each change of it."""

    class Kind(models.TextChoices):
        PERSON = "person"
        ANSWER = "answer"
        SYSTEM = "system"

    class Status(models.TextChoices):
        FINAL = "final"
        STREAMING = "streaming"
        FAILED = "failed"
        STOPPED = "stopped"

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", db_index=False)
    author = models.ForeignKey(User, models.PROTECT, related_name="messages", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON, db_default="person")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.FINAL, db_default="final")
    text = models.TextField(blank=True)
    html = models.TextField(blank=True, help_text="The text, rendered and sanitised when it was written.")
    citations = models.JSONField(default=list, db_default=[], blank=True)
    error_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    error_message = models.CharField(max_length=500, blank=True, default="", db_default="")
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="replies")
    client_id = models.CharField(max_length=64)
    version = models.BigIntegerField()
    posted_version = models.BigIntegerField()
    delta_index = models.IntegerField(
        default=0, db_default=0, help_text="How many deltas of a running answer the saved text contains."
    )
    created_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    reactions = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="What the rows of Reaction come to, in wire form; written with them under the message's lock.",
    )
    attachments = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="The message's rows of Attachment in wire form, in the order they were sent.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "client_id"], name="message_posted_once"),
            models.UniqueConstraint(fields=["room", "version"], name="message_room_version"),
            models.UniqueConstraint(fields=["room", "posted_version"], name="message_room_place"),
            models.CheckConstraint(
                condition=Q(posted_version__gte=1, version__gte=F("posted_version")),
                name="message_version_rises",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("final", "streaming", "failed", "stopped")),
                name="message_status_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("person", "answer", "system")), name="message_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:60]}"


class Mention(models.Model):
    """A user named in a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(User, models.CASCADE, related_name="mentions")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="mention_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.message_id}"


class Reaction(models.Model):
    """An emoji that a user put to a message."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="reaction_rows", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="reactions")
    emoji = models.CharField(max_length=EMOJI_MAX_CHARACTERS)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "user", "emoji"], name="reaction_once"),
            models.CheckConstraint(condition=~Q(emoji=""), name="reaction_has_emoji"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} by {self.user}"


class SignIn(models.Model):
    """One sign-in by token: every token of its chain carries its id, and dies when it is revoked."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    created_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} on {self.created_at:%Y-%m-%d %H:%M}"


class SocketSession(models.Model):
    """What a stock Socket.IO client had joined, for a connection that comes back (`chat.main_namespace.recovery`).

    `rooms` is an object of room id to the room's version when it was joined. There is no row before the first join.
    `sid` is the socket that may write it: one that was cut off, but does not know it yet, may not.
    """

    pid = models.CharField(max_length=40, primary_key=True)
    sid = models.CharField(max_length=40)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    rooms = models.JSONField(default=dict, db_default={})
    updated_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.user} in {len(self.rooms)} rooms"


class Attachment(models.Model):
    """A file that somebody uploaded for one message of a room; `message` is empty until that is posted."""

    owner = models.ForeignKey(User, models.PROTECT, related_name="attachments")
    room = models.ForeignKey(Room, models.CASCADE, related_name="attachments")
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="attachment_rows"
    )
    filename = models.CharField(max_length=300)
    media_type = models.CharField(max_length=100)
    size_bytes = models.BigIntegerField()
    file = models.CharField(
        max_length=200, db_index=True, help_text="Its content in the file storage; equal contents share one."
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size_bytes__gte=1), name="attachment_not_empty"),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(message=None), name="attachment_not_posted"),
        ]

    def __str__(self) -> str:
        return self.filename


class Invitation(models.Model):
    """A link with which people make their own accounts. Only the hash of its token is kept."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    note = models.CharField(max_length=120, blank=True, help_text="For whom it is; only admins see it.")
    is_guest = models.BooleanField(
        default=False, help_text="The accounts see only the rooms they are in, and what is shared with them."
    )
    rooms = models.ManyToManyField(
        Room, blank=True, related_name="+", help_text="What the accounts are members of from the beginning."
    )
    max_uses = models.PositiveIntegerField(default=1)
    uses = models.PositiveIntegerField(default=0, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_uses__gte=1, uses__lte=F("max_uses")), name="invitation_uses_within_limit"
            ),
        ]

    def __str__(self) -> str:
        return self.note or f"invitation of {self.created_at:%Y-%m-%d %H:%M}"
