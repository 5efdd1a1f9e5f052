from tests.support.service import Service


def test_smoke(service: Service) -> None:
    assert service.client.get("/health/live").status_code == 200
