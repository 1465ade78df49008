using System.Net.Sockets;
using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using MongoDB.Driver;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Common;

/// <summary>What an error of a store says about what was being written.</summary>
internal enum TroubleKind
{
    /// <summary>It is refused, and will be again: what is written is at fault, or the code is unknown to us.</summary>
    OfTheItem,

    /// <summary>
    /// Too much time, memory or parts: the store may be overloaded, or the item too large for it. Tried a few times while the store answers
    /// otherwise; then it is the item's fault.
    /// </summary>
    Exhausted,

    /// <summary>It says nothing about the item: a store is down, starting, moving or does not let us in. Tried until it works.</summary>
    Passing,
}

/// <summary>
/// Which errors pass and which stay, by a table for each store. A code that stands in none counts as the item's: it is isolated and parked,
/// and blocks nobody for ever.
/// Decision: docs/decisions/0181.
/// </summary>
internal static class StoreTrouble
{
    /// <summary>What <c>bsp.on_leaving</c> and <c>bsp.on_arriving</c> raise: the organization is between two shards.</summary>
    public const string MovingAway = "BM001";

    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    private static readonly HashSet<string> PostgresPassing =
    [
        "25006",                            // read only: a standby, or a failover under way
        "28000", "28P01", "3D000",          // not let in, or a database that is being restored
        "40001", "40003", "40P01",          // serialization, unknown completion, deadlock
        "53000", "53100", "53300", "53400", // disk, connections, configured limits
        "55006", "55P03", "55P04",          // in use, locked
        "57P01", "57P02", "57P03", "57P04", "57P05",
        "58000", "58030",                   // the system, its disks
        MovingAway,                         // the organization moves to another shard
    ];

    private static readonly HashSet<string> PostgresExhausted = [PostgresErrorCodes.OutOfMemory, PostgresErrorCodes.QueryCanceled];

    // https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml; the retryable ones, and those about who we are.
    private static readonly HashSet<int> MongoPassing =
    [
        6, 7, 8000, 9001,                   // host unreachable, not found, Atlas, socket
        13, 18,                             // not let in
        24, 63, 64, 89, 91, 100, 112, 133, 134, 150, 175, 189, 202, 216, 234, 246, 261, 262, 317, 358,
        10107, 11600, 11602, 13388, 13435, 13436, 14031,
    ];

    private static readonly HashSet<int> MongoExhausted = [50, 146, 11601]; // time, memory, interrupted

    // https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
    private static readonly HashSet<int> ClickHousePassing =
    [
        192, 193, 194, 497, 516,            // not let in
        202, 203, 209, 210, 236, 242, 243,  // too many queries, no free connection, network, stopping, read only, disk
        279, 285, 286, 319, 335, 394, 425, 439, 473, 745, 999,
    ];

    // time, memory, parts (which merging lowers, or an insert over too many months raises)
    private static readonly HashSet<int> ClickHouseExhausted = [159, 241, 252];

    // First word of what the server answers.
    private static readonly HashSet<string> RedisPassing =
        ["LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "READONLY", "TRYAGAIN", "NOREPLICAS", "OOM", "NOAUTH", "WRONGPASS",
            "NOPERM", "MOVED", "ASK", "UNBLOCKED", "NOMASTERLINK"];

    /// <summary>True: it says nothing about the item, or not yet.</summary>
    public static bool Is(Exception error) => Of(error) != TroubleKind.OfTheItem;

    /// <summary>What the error says.</summary>
    public static TroubleKind Of(Exception error) => error switch
    {
        ClickHouseException refused => OfClickHouse(refused.Code),
        StoreUnavailable { InnerException: { } inner } when inner is not StoreUnavailable && Of(inner) == TroubleKind.Exhausted =>
            TroubleKind.Exhausted,
        StoreUnavailable or VersionConflict => TroubleKind.Passing,
        PostgresException refused => OfPostgres(refused.SqlState),
        NpgsqlException { InnerException: null or IOException or SocketException } => TroubleKind.Passing,
        NpgsqlException { InnerException: TimeoutException } => TroubleKind.Exhausted,
        MongoBulkWriteException several => OfMongo(several),
        MongoExecutionTimeoutException => TroubleKind.Exhausted,
        MongoConnectionException or MongoAuthenticationException or MongoNotPrimaryException or MongoNodeIsRecoveringException or MongoWaitQueueFullException => TroubleKind.Passing,
        MongoCommandException refused => OfMongo(refused.Code),
        MongoException labelled when labelled.HasErrorLabel("RetryableWriteError")
        || labelled.HasErrorLabel("TransientTransactionError") => TroubleKind.Passing,
        RedisConnectionException or RedisTimeoutException => TroubleKind.Passing,
        RedisServerException refused =>
            RedisPassing.Contains(refused.Message.Split(' ', 2)[0]) ? TroubleKind.Passing : TroubleKind.OfTheItem,
        not AggregateException and { InnerException: PostgresException wrapped } => OfPostgres(wrapped.SqlState), // as Marten does it
        HttpRequestException { StatusCode: null or >= System.Net.HttpStatusCode.InternalServerError } => TroubleKind.Passing,
        IOException or SocketException or TimeoutException => TroubleKind.Passing,
        AggregateException { InnerExceptions.Count: > 0 } several => several.InnerExceptions.Min(Of),
        _ => TroubleKind.OfTheItem,
    };

    private static TroubleKind OfPostgres(string state) => PostgresExhausted.Contains(state) ? TroubleKind.Exhausted
        : PostgresPassing.Contains(state) || state is ['0', '8', ..] ? TroubleKind.Passing : TroubleKind.OfTheItem;

    private static TroubleKind OfMongo(int code) =>
        MongoExhausted.Contains(code) ? TroubleKind.Exhausted : MongoPassing.Contains(code) ? TroubleKind.Passing : TroubleKind.OfTheItem;

    private static TroubleKind OfMongo(MongoBulkWriteException several) =>
        several.WriteErrors is { Count: > 0 } errors ? errors.Min(error => OfMongo(error.Code)) : several.WriteConcernError is { } concern
        ? OfConcern(OfMongo(concern.Code)) : TroubleKind.OfTheItem;

    // Written here, and not yet as widely as asked for.
    private static TroubleKind OfConcern(TroubleKind kind) => kind == TroubleKind.OfTheItem ? TroubleKind.Exhausted : kind;

    private static TroubleKind OfClickHouse(int code) => ClickHouseExhausted.Contains(code) ? TroubleKind.Exhausted
        : ClickHousePassing.Contains(code) ? TroubleKind.Passing : TroubleKind.OfTheItem;
}
