using System.ClientModel;
using System.Diagnostics;
using System.Text.Json;
using Anthropic.Exceptions;
using Bsp.Application.Ai;
using Bsp.Domain.Common;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>What came of a question to a model.</summary>
/// <param name="Value">Null: nothing that can be used.</param>
/// <param name="Failure">Why there is none: <c>budget</c>, <c>resting</c>, <c>rate_limited</c>, <c>unavailable</c>, <c>timeout</c>,
/// <c>rejected</c>, <c>blocked</c>, <c>refused</c>, <c>filtered</c>, <c>cut</c> or <c>nonsense</c>; null with a value.</param>
/// <param name="Use">Null: no model answered anything.</param>
public sealed record ModelAnswer<T>(T? Value, string? Failure, ModelUse? Use)
    where T : class;

/// <summary>A question with the form that its answer must have.</summary>
/// <param name="Rules">The instructions, and what their hash is of.</param>
/// <param name="Data">JSON in which the customer's words are strings.</param>
/// <param name="Read">The answer, judged; null: it is none.</param>
public sealed record ModelQuestion<T>(string Rules, string Data, string Name, JsonElement Schema, Func<JsonElement, T?> Read)
    where T : class;

/// <summary>
/// Asks a model: within the organization's budget, twice at most and twenty seconds in all, and not at all for a while after it has failed
/// time and again. How an answer ended is looked at before what it says: a cut or filtered one may read like a whole one. It never throws
/// for what a model does. No tools are ever given to one.
/// </summary>
public sealed partial class ModelCalls(IModelClients clients, AiBudget budget, AiPrompts prompts, Circuits circuits, TimeProvider clock,
    ILogger<ModelCalls> log)
{
    /// <summary>Most that a question may take, both tries and the pause between them.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private const int CallsMax = 2;
    private const int FixedTokens = 400;     // what a request has beside its texts: the schema, roles
    private static readonly TimeSpan PauseLeast = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PauseMost = TimeSpan.FromSeconds(10);

    private sealed record Tried(ChatResponse? Response, string? Failure, bool Again, bool Sent, TimeSpan? RetryAfter);

    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    public async Task<ModelAnswer<T>> AskAsync<T>(Guid organizationId, AiSettings settings, ModelQuestion<T> question, CancellationToken ct)
        where T : class
    {
        if (circuits.IsOpen(organizationId, settings))
        {
            return new(null, "resting", null);
        }

        ModelHttp.For(organizationId);
        var hash = await prompts.KeepAsync(organizationId, question.Rules, ct);
        var most = AiBudget.Cost(settings, ((question.Rules.Length + question.Data.Length) * 3 / 2) + FixedTokens,
            ModelClients.OutputTokensMax);
        var began = Stopwatch.GetTimestamp();
        Tried tried = new(null, "unavailable", false, false, null);
        var (cost, input, output, calls) = (0m, 0L, 0L, 0);
        while (calls < CallsMax)
        {
            if (await budget.ReserveAsync(organizationId, settings, most, ct) is not { } reserve)
            {
                tried = tried with { Failure = "budget", Response = null };
                break;
            }

            calls++;
            tried = await TryAsync(settings, question, Patience - Stopwatch.GetElapsedTime(began), ct);
            var usage = tried.Response?.Usage;
            var (took, gave) = (usage?.InputTokenCount ?? 0, usage?.OutputTokenCount ?? 0);
            var paid = AiBudget.Cost(settings, took, gave);
            if (tried.Response is not null || !tried.Sent)
            {
                await budget.SettleAsync(reserve, paid, took, gave, ct); // else it stays set aside: nobody knows
            }

            (cost, input, output) = (cost + paid, input + took, output + gave);
            var pause = Clamped(tried.RetryAfter);
            if (!tried.Again || calls == CallsMax || Stopwatch.GetElapsedTime(began) + pause > Patience)
            {
                break;
            }

            await Task.Delay(pause, clock, ct);
        }

        return Judged(organizationId, settings, question, tried, new(settings.Provider, settings.Model ?? "", hash, Whole(input),
            Whole(output), (int)Stopwatch.GetElapsedTime(began).TotalMilliseconds, cost, settings.Currency, calls));
    }

    private ModelAnswer<T> Judged<T>(Guid organizationId, AiSettings settings, ModelQuestion<T> question, Tried tried, ModelUse use)
        where T : class
    {
        if (tried.Response is not { } response)
        {
            if (tried.Failure != "budget")
            {
                circuits.Failed(organizationId, settings);
                LogFailed(organizationId, settings.Provider, tried.Failure!);
            }

            return new(null, tried.Failure, use.Calls == 0 ? null : use);
        }

        circuits.Worked(organizationId, settings);
        if (How(response) is { } ended)
        {
            return new(null, ended, use);
        }

        return Parsed(response.Text) is { } json && question.Read(json) is { } value ? new(value, null, use) : new(null, "nonsense", use);
    }

    /// <summary>How an answer ended, where that makes it none; null: it is whole.</summary>
    public static string? How(ChatResponse response)
    {
        var contents = response.Messages.SelectMany(m => m.Contents).ToList();
        return contents.Exists(c => c is FunctionCallContent) ? "nonsense" // nobody gave it tools
            : response.FinishReason == ChatFinishReason.Length ? "cut"
            : response.FinishReason == ChatFinishReason.ContentFilter ? "filtered"
            : contents.Exists(c => c is ErrorContent) ? "refused"
            : response.FinishReason is { } reason && reason != ChatFinishReason.Stop ? "nonsense"
            : null;
    }

    private async Task<Tried> TryAsync<T>(AiSettings settings, ModelQuestion<T> question, TimeSpan left, CancellationToken ct)
        where T : class
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(left < ModelClients.CallTimeout ? left : ModelClients.CallTimeout);
        try
        {
            using var client = clients.Of(settings, settings.ApiKey?.Value);
            return new(await client.GetResponseAsync(
                [new(ChatRole.System, question.Rules), new(ChatRole.User, question.Data)], Options(question), deadline.Token), null, false,
                true, null);
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException(ct);
        }
        catch (Exception error)
        {
            // Whatever a maker's client throws at an answer of a stranger's server: it is that model's fault, and nobody else waits.
            return Named(error);
        }
    }

    private static ChatOptions Options<T>(ModelQuestion<T> question)
        where T : class => new()
    {
        Temperature = 0,
        MaxOutputTokens = ModelClients.OutputTokensMax,
        ResponseFormat = ChatResponseFormat.ForJsonSchema(question.Schema, question.Name),
        AdditionalProperties = new() { ["strict"] = true },
    };

    private Tried Named(Exception error)
    {
        for (Exception? at = error; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case ClientResultException { Status: > 0 } openAi:
                    return OfStatus(openAi.Status, RetryAfter(openAi));
                case AnthropicApiException anthropic:
                    return OfStatus((int)anthropic.StatusCode, null);
                case CustomerWebhooks.OutboundRefused:
                    return new(null, "blocked", false, false, null);
                case OperationCanceledException or TimeoutException:
                    return new(null, "timeout", true, true, null);
            }
        }

        if (error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
            or HttpRequestError.SecureConnectionError } || error.InnerException is HttpRequestException)
        {
            return new(null, "unavailable", true, false, null);
        }

        LogOdd(error);
        return new(null, "nonsense", false, true, null); // an answer that its maker's own client cannot read
    }

    private static Tried OfStatus(int status, TimeSpan? retryAfter) => status switch
    {
        429 => new(null, "rate_limited", true, false, retryAfter),
        >= 500 => new(null, "unavailable", true, false, retryAfter),
        _ => new(null, "rejected", false, false, null),
    };

    private static TimeSpan? RetryAfter(ClientResultException error) =>
        error.GetRawResponse() is { } raw && raw.Headers.TryGetValue("retry-after", out var text)
        && int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds) : null;

    private static TimeSpan Clamped(TimeSpan? asked) =>
        asked is not { } pause || pause < PauseLeast ? PauseLeast : pause > PauseMost ? PauseMost : pause;

    private static int Whole(long tokens) => (int)Math.Clamp(tokens, 0, int.MaxValue);

    private static JsonElement? Parsed(string? text)
    {
        try
        {
            using var document = JsonDocument.Parse(text ?? "", new JsonDocumentOptions { MaxDepth = 8 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null; // fences, prose, nothing: no answer
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "ai: organization {OrganizationId}, {Provider} did not answer: {Failure}")]
    private partial void LogFailed(Guid organizationId, string provider, string failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "ai: an answer could not be read by its maker's client")]
    private partial void LogOdd(Exception error);
}
