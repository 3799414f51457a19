"""Builds the services of a gateway from its parts."""

from service.wiring.job_services import add_jobs
from service.wiring.monai_label_services import add_monai_label
from service.wiring.parts import Parts
from service.wiring.request_services import add_requests
from service.wiring.review_services import add_reviews
from service.wiring.scan_services import add_scans
from service.wiring.services import Services
from service.wiring.training_services import add_trainings


def build_services(parts: Parts) -> Services:
    """Builds every object that a route can ask for; later subjects use those of earlier ones."""
    services = Services()
    for add in (add_requests, add_scans, add_jobs, add_reviews, add_monai_label, add_trainings):
        add(parts, services)
    return services
