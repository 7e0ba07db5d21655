"""What the one page of questions shows of a draft. No request, no database."""

from dataclasses import dataclass, replace
from functools import cached_property

from harborweb.configuration.answers import State
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_KEY
from harborweb.configuration.questions import Decision, Question
from harborweb.configuration.switches import BY_SWITCH, TLS
from harborweb.configuration.wizard import Wizard

ADDRESS = ("hostname", "http.port")
HTTPS = ("https.port", "https.certificate", "https.private_key")
PUBLIC = "external_url"
ADMIN = "harbor_admin_password"
DATABASE = "database.password"
FOLDER = "data_volume"
CHOICES = (TLS,)
EXAMPLES = ("hostname", "https.certificate", "https.private_key")
MADE_UP = (DATABASE,)
FIELDS = tuple(BY_KEY[key] for key in (*ADDRESS, *HTTPS, PUBLIC, ADMIN, FOLDER))


@dataclass
class First:
    """The page's questions; before the first try nothing is said to be wrong with an example nobody answered yet."""

    state: State
    tried: bool = False

    @cached_property
    def wizard(self) -> Wizard:
        """The whole draft."""
        return Wizard(self.state)

    @property
    def address(self) -> list[Question]:
        """Host name and port."""
        return [self._question(key) for key in ADDRESS]

    @property
    def tls(self) -> Decision:
        """Where TLS ends, with the questions of each choice."""
        fields = [BY_KEY[key] for key in HTTPS if self.state.offered(BY_KEY[key])]
        decision = self.wizard.decision(BY_SWITCH[TLS], fields)
        groups = (replace(one, questions=tuple(map(self._calm, one.questions))) for one in decision.groups)
        return replace(decision, groups=tuple(groups))

    @property
    def public(self) -> Question | None:
        """The public address, where the template has it."""
        return self._question(PUBLIC) if self.state.offered(BY_KEY[PUBLIC]) else None

    @property
    def admin(self) -> Question:
        """The password of admin."""
        return self._question(ADMIN)

    @property
    def database(self) -> Question | None:
        """The database's password, where the database is Harbor's own."""
        field = BY_KEY[DATABASE]
        return self._question(DATABASE) if self.state.offered(field) and self.state.counts(field) else None

    @property
    def folder(self) -> Question:
        """The data folder."""
        return self._question(FOLDER)

    @property
    def elsewhere(self) -> list[Fault]:
        """What is wrong with keys that this page does not ask for."""
        asked = {field.key for field in FIELDS}
        return [fault for fault in self.wizard.errors if fault.key not in asked] if self.tried else []

    def _question(self, key: str) -> Question:
        return self._calm(self.wizard.question(BY_KEY[key]))

    def _calm(self, question: Question) -> Question:
        """Before the first try an example of the template is an empty field, and nothing is said of it."""
        example = question.field.key in EXAMPLES and not question.changed and question.state == "default"
        if self.tried or not (example or question.usual):
            return question
        return replace(question, faults=(), raw="" if example else question.raw, filled=False)
