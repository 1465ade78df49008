using System.Text.Json;
using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>What a webhook of Meta says of how an account stands; what is null says nothing of it.</summary>
public sealed record RecordAccountStanding(Guid OrganizationId, Guid AccountId) : IRequest<bool>
{
    /// <summary>Meta's word of its review of the display name: APPROVED, REJECTED, DEFERRED, PENDING.</summary>
    public string? NameStatus { get; init; }

    /// <summary>The name that was asked for; it becomes the display name once it is approved.</summary>
    public string? RequestedName { get; init; }

    /// <summary>Meta's word of its review of the WABA.</summary>
    public string? ReviewStatus { get; init; }

    /// <summary>Messages a second that Meta's level of throughput allows.</summary>
    public int? MessagesPerSecondMax { get; init; }

    /// <summary>What Meta does not let it do; empty: it may again.</summary>
    public string? Restriction { get; init; }

    /// <summary>Until then; null with a restriction: Meta does not say.</summary>
    public DateTimeOffset? RestrictedUntil { get; init; }
}

/// <summary>Keeps what Meta told of an account, once.</summary>
/// <param name="AccountId">The number it is about; null: the WABA.</param>
/// <param name="Event">Meta's word for it; null: it has none.</param>
/// <param name="Body">Bounded, without what names customers.</param>
/// <param name="Key">Of what was told: the very same again is one notice.</param>
public sealed record RecordAccountNotice(Guid OrganizationId, string WabaId, Guid? AccountId, string Field, string? Event,
    JsonElement Body, DateTimeOffset At, byte[] Key) : IRequest<bool>;

/// <param name="AccountId">Null: it is about the whole WABA.</param>
/// <param name="Event">Meta's word; null: it has none.</param>
public sealed record AccountNotice(Guid Id, string WabaId, Guid? AccountId, string Field, string? Event, JsonElement Body,
    DateTimeOffset At);

/// <summary>What Meta told of an account and of its WABA, the newest first; refused with <c>account.unknown</c>.</summary>
/// <param name="Field">Only of this field; null: all.</param>
public sealed record ListAccountNotices(Guid OrganizationId, Guid AccountId, string? Field, string? Cursor, int Limit)
    : IRequest<Page<AccountNotice>>;
