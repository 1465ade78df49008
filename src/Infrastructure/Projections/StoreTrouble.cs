using System.Net.Sockets;
using Bsp.Application.Common;
using MongoDB.Driver;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Projections;

/// <summary>Errors that say nothing about the event: a store is down, starting, overloaded or was interrupted. The same page is tried again.</summary>
internal static class StoreTrouble
{
    public static bool Is(Exception error) => error switch
    {
        StoreUnavailable or VersionConflict => true,
        PostgresException refused => refused.IsTransient || refused.SqlState is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.ReadOnlySqlTransaction or ['5', '7', 'P', ..] or ['5', '3', ..],
        NpgsqlException => true,
        RedisConnectionException or RedisTimeoutException => true,
        MongoConnectionException or MongoExecutionTimeoutException or MongoNotPrimaryException or MongoNodeIsRecoveringException => true,
        HttpRequestException { StatusCode: null or >= System.Net.HttpStatusCode.InternalServerError } => true,
        IOException or SocketException or TimeoutException => true,
        AggregateException several => several.InnerExceptions.All(Is),
        _ => false,
    };
}
