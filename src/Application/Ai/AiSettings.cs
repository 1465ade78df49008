using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Ai;

/// <summary>Who reads and answers.</summary>
public static class AiProviders
{
    /// <summary>Word lists of our own: no key, no network. It takes no instructions and answers with canned replies alone.</summary>
    public const string Embedded = "embedded";

    /// <summary>OpenAI, or whatever speaks its <c>/chat/completions</c>.</summary>
    public const string OpenAi = "openai";

    public const string Anthropic = "anthropic";

    public static readonly IReadOnlyList<string> All = [Embedded, OpenAi, Anthropic];

    /// <summary>Where a provider listens when the organization names no address; null: the embedded one listens nowhere.</summary>
    public static string? EndpointOf(string provider) => provider switch
    {
        OpenAi => "https://api.openai.com/v1",
        Anthropic => "https://api.anthropic.com",
        _ => null,
    };
}

/// <summary>When a machine leaves a conversation to people. It always does so when a person is asked for.</summary>
/// <param name="Negative">A customer who is unhappy is left to people.</param>
/// <param name="ConfidenceMin">0 to 1: less sure than that, it is left to people.</param>
/// <param name="TurnsMax">Answers in a row without a person, 1–20.</param>
/// <param name="ResumeAfterHours">So long after it was left to people, or one last answered, a machine may answer again; null: not before
/// the conversation is archived or given back. 1–720.</param>
/// <param name="TeamId">Whose members are given it; null: whoever looks.</param>
public sealed record AiHandoverRules(bool Negative = true, decimal ConfidenceMin = 0.5m, int TurnsMax = 5, int? ResumeAfterHours = 24,
    Guid? TeamId = null);

/// <summary>
/// What of a customer goes to a model beside the words of the messages that are to be read. Nothing goes to the embedded one.
/// </summary>
/// <param name="Name">First name.</param>
/// <param name="PhoneNumber">The customer's own number.</param>
/// <param name="Tags">The contact's tags.</param>
/// <param name="Numbers">Numbers of seven and more digits, and e-mail addresses, in texts stay as they are; false: they are
/// blanked.</param>
/// <param name="History">Earlier messages of the conversation, 0–30.</param>
public sealed record AiShare(bool Name = false, bool PhoneNumber = false, bool Tags = false, bool Numbers = false, int History = 10);

/// <summary>What an organization lets machines do.</summary>
/// <param name="Endpoint">Address of the provider's API; null: the provider's own.</param>
/// <param name="Model">As its maker writes it; null with the embedded provider.</param>
/// <param name="Prompt">The business's own instructions; null: none.</param>
/// <param name="Facts">What may be told: prices, opening hours. Amounts in answers come from here alone.</param>
/// <param name="AllowedLinks">Hosts to which an answer may link.</param>
/// <param name="QuietSeconds">So long after the last message of a burst it is answered; 30 s after its first at the latest.</param>
/// <param name="BudgetPerMonth">Most that models may cost in a calendar month, UTC; null: no bound.</param>
/// <param name="InputPricePerMillion">Of a million tokens that go in, in <paramref name="Currency"/>; null: nothing is counted.</param>
/// <param name="OutputPricePerMillion">Of a million that come out.</param>
public sealed record AiSettings(string Provider = AiProviders.Embedded, string? Endpoint = null, string? Model = null,
    string? Prompt = null, int QuietSeconds = 6, decimal? BudgetPerMonth = null, string Currency = "USD",
    decimal? InputPricePerMillion = null, decimal? OutputPricePerMillion = null)
{
    /// <summary>A burst is answered so long after its first message, however many follow.</summary>
    public const int BurstSecondsMax = 30;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public IReadOnlyList<string> Facts { get; init; } = [];

    public IReadOnlyList<string> AllowedLinks { get; init; } = [];

    public AiHandoverRules Handover { get; init; } = new();

    public AiShare Share { get; init; } = new();

    /// <summary>Never kept with the settings, never shown; null: none.</summary>
    [JsonIgnore]
    public ModelKey? ApiKey { get; init; }

    /// <summary>A model is asked, which costs time, and mostly money.</summary>
    [JsonIgnore]
    public bool AsksModel => Provider != AiProviders.Embedded;

    /// <summary>Where it is asked; null: nowhere.</summary>
    [JsonIgnore]
    public string? Address => Endpoint ?? AiProviders.EndpointOf(Provider);

    /// <summary>As it is kept.</summary>
    public string Write() => JsonSerializer.Serialize(this, Json);

    public static AiSettings Read(string json) => JsonSerializer.Deserialize<AiSettings>(json, Json) ?? new();
}

/// <summary>A provider's key, which no log line shows.</summary>
public sealed class ModelKey(string value)
{
    /// <summary>As the provider gave it.</summary>
    public string Value => value;

    public override string ToString() => "(a key)";
}

/// <summary>What models took in a calendar month, UTC.</summary>
/// <param name="Month"><c>2026-11</c>.</param>
/// <param name="Reserved">Of calls under way, and of those of which nobody knows how they ended: counted as spent.</param>
public sealed record AiUsage(string Month, decimal Cost, decimal Reserved, long Calls, long InputTokens, long OutputTokens);

/// <summary>An organization's settings, whole.</summary>
/// <param name="ApiKeySet">There is a key; it is never shown.</param>
/// <param name="Version">0: nobody has set anything yet.</param>
public sealed record AiSettingsView(Guid OrganizationId, bool Analysis, bool AutoReply, AiSettings Settings, bool ApiKeySet, AiUsage Usage,
    DateTimeOffset? UpdatedAt, long Version);

public sealed record GetAiSettings(Guid OrganizationId) : IRequest<AiSettingsView>;

/// <summary>What is absent stays.</summary>
/// <param name="ApiKey">Null takes it away. Whoever changes provider or address gives it anew, or there is none any more.</param>
public sealed record PatchAiSettings(Guid OrganizationId, Optional<bool> Analysis, Optional<bool> AutoReply, Optional<string> Provider,
    Optional<string?> Endpoint, Optional<string?> Model, Optional<string?> ApiKey, Optional<string?> Prompt,
    Optional<IReadOnlyList<string>> Facts, Optional<IReadOnlyList<string>> AllowedLinks, Optional<int> QuietSeconds,
    Optional<AiHandoverPatch> Handover, Optional<AiSharePatch> Share, Optional<decimal?> BudgetPerMonth, Optional<string> Currency,
    Optional<decimal?> InputPricePerMillion, Optional<decimal?> OutputPricePerMillion, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => OrganizationId;

    /// <summary>The settings after the patch.</summary>
    public AiSettings Apply(AiSettings before) => before with
    {
        Provider = Of(Provider, before.Provider),
        Endpoint = Of(Endpoint, Provider.IsSet && Provider.Value != before.Provider ? null : before.Endpoint),
        Model = Of(Model, Provider is { IsSet: true, Value: AiProviders.Embedded } ? null : before.Model),
        Prompt = Of(Prompt, before.Prompt),
        Facts = Of(Facts, before.Facts),
        AllowedLinks = [.. Of(AllowedLinks, before.AllowedLinks).Select(host => host.ToLowerInvariant())],
        QuietSeconds = Of(QuietSeconds, before.QuietSeconds),
        Handover = Handover.IsSet ? Handover.Value.Apply(before.Handover) : before.Handover,
        Share = Share.IsSet ? Share.Value.Apply(before.Share) : before.Share,
        BudgetPerMonth = Of(BudgetPerMonth, before.BudgetPerMonth),
        Currency = Of(Currency, before.Currency),
        InputPricePerMillion = Of(InputPricePerMillion, before.InputPricePerMillion),
        OutputPricePerMillion = Of(OutputPricePerMillion, before.OutputPricePerMillion),
    };

    internal static T Of<T>(Optional<T> given, T before) => given.IsSet ? given.Value : before;
}

/// <inheritdoc cref="AiHandoverRules"/>
public sealed record AiHandoverPatch(Optional<bool> Negative, Optional<decimal> ConfidenceMin, Optional<int> TurnsMax,
    Optional<int?> ResumeAfterHours, Optional<Guid?> TeamId)
{
    public AiHandoverRules Apply(AiHandoverRules before) => new(PatchAiSettings.Of(Negative, before.Negative),
        PatchAiSettings.Of(ConfidenceMin, before.ConfidenceMin), PatchAiSettings.Of(TurnsMax, before.TurnsMax),
        PatchAiSettings.Of(ResumeAfterHours, before.ResumeAfterHours), PatchAiSettings.Of(TeamId, before.TeamId));
}

/// <inheritdoc cref="AiShare"/>
public sealed record AiSharePatch(Optional<bool> Name, Optional<bool> PhoneNumber, Optional<bool> Tags, Optional<bool> Numbers,
    Optional<int> History)
{
    public AiShare Apply(AiShare before) => new(PatchAiSettings.Of(Name, before.Name), PatchAiSettings.Of(PhoneNumber, before.PhoneNumber),
        PatchAiSettings.Of(Tags, before.Tags), PatchAiSettings.Of(Numbers, before.Numbers), PatchAiSettings.Of(History, before.History));
}
