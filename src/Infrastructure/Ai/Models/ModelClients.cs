using System.ClientModel;
using System.ClientModel.Primitives;
using Anthropic;
using Anthropic.Core;
using Bsp.Application.Ai;
using Microsoft.Extensions.AI;
using OpenAI;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>Makes <see cref="IChatClient"/>s of an organization's settings.</summary>
public interface IModelClients
{
    /// <summary>A client of the settings' provider; it tries nothing twice.</summary>
    /// <param name="apiKey">Null: the provider is asked without one, as a model on one's own machine may be.</param>
    IChatClient Of(AiSettings settings, string? apiKey);
}

/// <summary>The makers' own clients, on our own connections, their retries off.</summary>
public sealed class ModelClients(ModelHttp http) : IModelClients
{
    /// <summary>Longest that one call may take.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Tokens of one answer.</summary>
    public const int OutputTokensMax = 700;

    private const string NoKey = "none";

    public IChatClient Of(AiSettings settings, string? apiKey) => settings.Provider switch
    {
        AiProviders.OpenAi => new OpenAIClient(new ApiKeyCredential(apiKey ?? NoKey), new OpenAIClientOptions
        {
            Endpoint = new(settings.Address!),
            Transport = new HttpClientPipelineTransport(http.Client),
            RetryPolicy = new ClientRetryPolicy(0),
            NetworkTimeout = CallTimeout,
        }).GetChatClient(settings.Model).AsIChatClient(),
        AiProviders.Anthropic => new AnthropicClient(new ClientOptions
        {
            BaseUrl = settings.Address!,
            HttpClient = http.Client,
            MaxRetries = 0,
            Timeout = CallTimeout,
            // both say "nothing", or the client looks for a key in our environment
            ApiKey = apiKey ?? NoKey,
            AuthToken = null,
        }).AsIChatClient(settings.Model!, OutputTokensMax),
        _ => throw new InvalidOperationException($"The provider {settings.Provider} is asked nothing."),
    };
}
