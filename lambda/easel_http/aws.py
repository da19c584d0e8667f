"""How the functions behind the API call AWS."""

from botocore.config import Config

# The caller waits at the other end of API Gateway: answer 503 well before the function's limit.
AWS_CONFIG = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "max_attempts": 2}
)
