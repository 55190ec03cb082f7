"""Names of providers: which name the same one, and which are not paid for by the token."""

from typing import Final

PROVIDER_ALIASES: Final[dict[str, str]] = {
    "anthropic_conversation": "anthropic",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_ai": "azure",
    "azure_openai": "azure",
    "bedrock": "aws",
    "claude": "anthropic",
    "cloud": "home_assistant_cloud",
    "fireworks_ai": "fireworks",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_generative_ai": "google",
    "google_generative_ai_conversation": "google",
    "grok": "x-ai",
    "llama-cpp": "llama_cpp",
    "llama.cpp": "llama_cpp",
    "llamacpp": "llama_cpp",
    "lm-studio": "lm_studio",
    "lmstudio": "lm_studio",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "moonshot_ai": "moonshotai",
    "nabu_casa": "home_assistant_cloud",
    "nabucasa": "home_assistant_cloud",
    "open_router": "openrouter",
    "openai_conversation": "openai",
    "perplexity_ai": "perplexity",
    "together_ai": "together",
    "togetherai": "together",
    "vertex_ai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "xai_conversation": "x-ai",
}
# Its own models are named provider/model, so nothing is split off.
_GATEWAY: Final = "openrouter"
FREE_PROVIDERS: tuple[str, ...] = (
    "ollama",
    "llama_cpp",
    "lm_studio",
    "vllm",
    "localai",
    "koboldcpp",
    "text_generation_webui",
    "jan",
    "gpt4all",
    "mlx",
)
SUBSCRIPTION_PROVIDERS: tuple[str, ...] = ("home_assistant_cloud",)


def normal_provider(value: str) -> str:
    """Return a provider's name in lower case with common aliases folded."""
    provider = value.strip().lower()
    return PROVIDER_ALIASES.get(provider, provider)


def split_model(provider: str | None, model: str | None) -> tuple[str | None, str | None]:
    """Return the provider and the model that a ``provider/model`` name stands for.

    The name is split where no provider is given, or the same one; any other provider (such as
    ``openrouter``) keeps it whole.
    """
    given = normal_provider(provider) if provider else None
    while model is not None and "/" in model and given != _GATEWAY:
        prefix, rest = model.split("/", 1)
        if not prefix or not rest or given not in (None, normal_provider(prefix)):
            break
        given, model = normal_provider(prefix), rest
    return given, model
