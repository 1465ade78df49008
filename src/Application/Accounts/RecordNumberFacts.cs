using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>What a webhook of Meta says about a number.</summary>
/// <param name="Quality">GREEN, YELLOW, RED or UNKNOWN; null: nothing about it.</param>
/// <param name="MessagingLimit">Unique users a day; null: nothing about it.</param>
public sealed record RecordNumberFacts(Guid OrganizationId, Guid AccountId, string? Quality, int? MessagingLimit) : IRequest<bool>
{
    /// <summary>Meta upgraded the number's throughput.</summary>
    public bool HighThroughput { get; init; }
}
