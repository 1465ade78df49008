using System.Net.Sockets;
using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.UnitTests.Projections;

/// <summary>Passing errors are waited out, all others are the item's: what nobody foresaw blocks nobody for ever.</summary>
public sealed class StoreTroubleTests
{
    public static TheoryData<string, int> Postgres => new()
    {
        { "08006", 2 }, { "57P03", 2 }, { "53300", 2 }, { "53100", 2 }, { "40P01", 2 }, { "25006", 2 }, { "28P01", 2 }, { "58030", 2 },
        { "57014", 1 }, { "53200", 1 },
        { "54000", 0 }, { "22P02", 0 }, { "23514", 0 }, { "42P01", 0 }, { "XX000", 0 }, { "99999", 0 },
    };

    /// <summary>As Marten wraps them, too.</summary>
    [Theory]
    [MemberData(nameof(Postgres))]
    public void PostgreSQLs_states(string state, int kind)
    {
        var refused = new PostgresException("m", "ERROR", "ERROR", state);
        StoreTrouble.Of(refused).ShouldBe((TroubleKind)kind);
        StoreTrouble.Of(new InvalidOperationException("wrapped", refused)).ShouldBe((TroubleKind)kind);
    }

    [Theory]
    [InlineData(202, 2)]
    [InlineData(210, 2)]
    [InlineData(516, 2)]
    [InlineData(252, 1)]
    [InlineData(241, 1)]
    [InlineData(159, 1)]
    [InlineData(60, 0)]
    [InlineData(691, 0)]
    [InlineData(0, 0)]
    [InlineData(123_456, 0)]
    public void ClickHouses_codes(int code, int kind)
    {
        StoreTrouble.Of(new ClickHouseException(code, "m")).ShouldBe((TroubleKind)kind);
        StoreTrouble.Of(new StoreUnavailable("clickhouse", new ClickHouseException(code, "m")))
            .ShouldBe(kind == 1 ? TroubleKind.Exhausted : TroubleKind.Passing);
    }

    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory", 2)]
    [InlineData("READONLY You can't write against a read only replica.", 2)]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", 2)]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value", 0)]
    [InlineData("ERR unknown command", 0)]
#pragma warning disable CS0618 // what a server of tomorrow answers has no kind yet
    public void Rediss_words(string message, int kind) => StoreTrouble.Of(new RedisServerException(message)).ShouldBe((TroubleKind)kind);
#pragma warning restore CS0618

    [Fact]
    public void What_no_store_said()
    {
        StoreTrouble.Of(new StoreUnavailable("mongo")).ShouldBe(TroubleKind.Passing);
        StoreTrouble.Of(new NpgsqlException("m", new SocketException())).ShouldBe(TroubleKind.Passing);
        StoreTrouble.Of(new NpgsqlException("m", new TimeoutException())).ShouldBe(TroubleKind.Exhausted);
        StoreTrouble.Of(new NpgsqlException("m", new InvalidCastException())).ShouldBe(TroubleKind.OfTheItem);
        StoreTrouble.Of(new InvalidOperationException()).ShouldBe(TroubleKind.OfTheItem);
        StoreTrouble.Of(new AggregateException(new StoreUnavailable("redis"), new InvalidOperationException()))
            .ShouldBe(TroubleKind.OfTheItem);
        StoreTrouble.Of(new MongoDB.Driver.MongoConnectionException(new(new(new(1), new System.Net.DnsEndPoint("h", 1))), "m"))
            .ShouldBe(TroubleKind.Passing);
        StoreTrouble.Of(new FormatException("Size 17 MB is larger than MaxDocumentSize")).ShouldBe(TroubleKind.OfTheItem);
    }
}
