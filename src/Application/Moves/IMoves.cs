using Bsp.Domain.Common;

namespace Bsp.Application.Moves;

/// <summary>A shard as the configuration and the directory have it.</summary>
/// <param name="Organizations">That live there.</param>
/// <param name="Bytes">Of its database; null: it does not answer.</param>
/// <param name="Events">Numbers of its log drawn so far; null: it does not answer.</param>
/// <param name="Trouble">Null: it answers.</param>
public sealed record ShardView(string Name, long Organizations, long? Bytes, long? Events, string? Trouble);

/// <summary>An organization on its way from one shard to another.</summary>
/// <param name="State"><c>planned</c>, <c>copying</c>, <c>following</c>, <c>frozen</c>, <c>proven</c>; from <c>switched</c> on it only goes
/// forward: <c>living</c> (it works at the target), <c>dropped</c> (nothing of it is left at the source); <c>cancelled</c>.</param>
/// <param name="Epoch">Of the organization before the switch.</param>
/// <param name="Events">Of its log, that lie at the target.</param>
/// <param name="EventsTotal">About as many as there are.</param>
/// <param name="Rows">Of all tables, that were copied.</param>
/// <param name="RefusedMs">How long commands were refused; null: not yet.</param>
/// <param name="Freezes">Attempts to switch, those that were given up included.</param>
/// <param name="LogHash">Hex of the running hash of the log, equal on both sides; null: not proven yet.</param>
/// <param name="Error">Why it does not go on; null: it does.</param>
public sealed record MoveView(Guid Id, Guid OrganizationId, string Source, string Target, string State, int Epoch, long Events,
    long EventsTotal, long Rows, int? RefusedMs, int Freezes, string? LogHash, IReadOnlyDictionary<string, long>? Tables, string? Error,
    DateTimeOffset AskedAt, DateTimeOffset ChangedAt, DateTimeOffset? SwitchedAt);

/// <summary>Moves of organizations between shards; docs/decisions/0351.</summary>
public interface IMoves
{
    /// <summary>In the order of the configuration.</summary>
    Task<IReadOnlyList<ShardView>> ShardsAsync(CancellationToken ct);

    /// <summary>Asks for one; it is carried out in the background, and one that is under way to the same shard is returned.</summary>
    /// <exception cref="Refusal"><c>organization.unknown</c>, <c>shard.unknown</c>, <c>move.same_shard</c>,
    /// <c>move.running</c> (to another shard), <c>move.documents_in_mongo</c></exception>
    Task<MoveView> BeginAsync(Guid organizationId, string target, CancellationToken ct);

    /// <summary>The latest one; null: it never moved.</summary>
    Task<MoveView?> FindAsync(Guid organizationId, CancellationToken ct);

    /// <summary>Gives up the one under way: everything stays where it was.</summary>
    /// <exception cref="Refusal"><c>move.unknown</c>, <c>move.switched</c></exception>
    Task<MoveView> CancelAsync(Guid organizationId, CancellationToken ct);
}
