"""Tools of triage.yaml: plain functions with types and docstrings. What they would ask your own systems is in here."""

from dataclasses import dataclass
from typing import Literal

Queue = Literal["billing", "delivery", "technical"]
Priority = Literal["low", "normal", "urgent"]

CUSTOMERS = {
    "Atelier Blanc": {"plan": "business", "since": 2019, "open_invoices": 0},
    "J. Okafor": {"plan": "free", "since": 2026, "open_invoices": 0},
    "Nordwind Papier": {"plan": "business", "since": 2021, "open_invoices": 2},
}
SOLVED = [
    {"number": 3981, "queue": "delivery", "text": "Parcel marked as delivered, nothing arrived"},
    {"number": 4007, "queue": "billing", "text": "Charged twice for one month"},
    {"number": 4012, "queue": "technical", "text": "Export of the report stops at half of the rows"},
]
ANSWER_WITHIN_HOURS = {"low": 72, "normal": 24, "urgent": 2}
ON_DUTY = {"billing": "Aylin", "delivery": "Marek", "technical": "Chidi"}


@dataclass
class Ticket:
    """A ticket as the customer wrote it."""

    number: int
    customer: str
    text: str


@dataclass
class Classification:
    """Where a ticket goes."""

    number: int
    queue: Queue
    priority: Priority
    confidence: float
    assignee: str
    answer_within_hours: int


def open_tickets() -> list[Ticket]:
    """The tickets that nobody has looked at, oldest first."""
    return [
        Ticket(4101, "Nordwind Papier", "Our March invoice shows the old price again, for the second time."),
        Ticket(4102, "J. Okafor", "it does not work since yesterday"),
        Ticket(4103, "Atelier Blanc", "Two of the six lamps arrived broken. Our opening is on Friday!"),
    ]


def customer(name: str) -> dict[str, object]:
    """What is known about a customer: plan, since when, and open invoices."""
    if name not in CUSTOMERS:
        raise ValueError(f'there is no customer "{name}"')
    return dict(CUSTOMERS[name])


def similar_tickets(words: list[str]) -> list[dict[str, object]]:
    """Solved tickets whose text contains one of the words.

    Args:
        words: Words to look for, in any case.
    """
    return [dict(row) for row in SOLVED if any(word.lower() in str(row["text"]).lower() for word in words)]


def classify(number: int, queue: Queue, priority: Priority, confidence: float) -> Classification:
    """Put a ticket into a queue.

    Args:
        number: The ticket's number.
        queue: Who has to answer it.
        priority: How soon.
        confidence: How sure you are of the queue, from 0 to 1.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence:g}")
    return Classification(number, queue, priority, confidence, ON_DUTY[queue], ANSWER_WITHIN_HOURS[priority])
