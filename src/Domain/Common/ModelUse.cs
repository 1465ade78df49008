namespace Bsp.Domain.Common;

/// <summary>What one answer of a model took. Kept with every fact that a model had a part in.</summary>
/// <param name="Provider"><c>embedded</c>, <c>openai</c> or <c>anthropic</c>.</param>
/// <param name="Model">The model's name as its maker writes it; of the embedded one the version of its word lists.</param>
/// <param name="PromptHash">First 16 hex digits of the SHA-256 of the instructions that it was given; empty: it takes none.</param>
/// <param name="InputTokens">As the provider counted, what it had in its cache included; 0: it did not say, or counts none.</param>
/// <param name="OutputTokens">As above, what it reasoned included.</param>
/// <param name="LatencyMs">From the question to the answer, our own second try included.</param>
/// <param name="Cost">By the organization's own prices, 0 and more, in <paramref name="Currency"/>; 0: nothing, or no price is set.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Calls">Requests that were made for it: 0 to the embedded one.</param>
public sealed record ModelUse(string Provider, string Model, string PromptHash, int InputTokens, int OutputTokens, int LatencyMs,
    decimal Cost, string Currency, int Calls = 1);
