using System.Data.Common;
using System.Net;
using System.Runtime.InteropServices;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Projections;
using ClickHouse.Driver.ADO;
using ClickHouse.Driver.ADO.Parameters;
using Driver = global::ClickHouse.Driver;

namespace Bsp.Infrastructure.ClickHouse;

/// <summary>
/// ClickHouse by its official driver (ClickHouse.Driver, over ClickHouse's HTTP interface). What is ours: the form of the connection
/// string, which errors mean that the store is away,
/// and the token of a batch. Thread-safe; one instance per process. Decision: docs/decisions/0190.
/// </summary>
public sealed class ClickHouseClient : IDisposable
{
    private const int TimeoutSeconds = 120;
    private const int MessageCharsMax = 1_000;

    // An answer comes when the statement is over, so that an error in its middle is its status and not the end of a body that began well.
    private static readonly Dictionary<string, object> Whole = new() { ["wait_end_of_query"] = "1" };

    private readonly HttpClient? http;
    private readonly Uri? rawAddress;
    private readonly System.Net.Http.Headers.AuthenticationHeaderValue? rawCredentials;
    private readonly Driver.ClickHouseClient? driver;

    /// <param name="connectionString"><c>http://user:password@host:port/?database=name</c>; null or empty: every call says that ClickHouse
    /// is not configured.</param>
    /// <exception cref="ArgumentException">Not such an address, or the database's name is not made of letters, digits and
    /// underscores.</exception>
    public ClickHouseClient(string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            return;
        }

        if (!Uri.TryCreate(connectionString, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException("ConnectionStrings:ClickHouse must look like http://user:password@host:8123/?database=bsp.",
                nameof(connectionString));
        }

        Database = System.Web.HttpUtility.ParseQueryString(uri.Query)["database"] ?? "bsp";
        if (!Database.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            throw new ArgumentException("ClickHouse's database name may hold letters, digits and underscores only.",
                nameof(connectionString));
        }

        http = new(new AwayHandler()) { Timeout = TimeSpan.FromSeconds(TimeoutSeconds) };
        driver = new(Settings(uri, Database, http));
        rawAddress = new UriBuilder(uri) { UserName = "", Password = "", Path = "/",
            Query = $"database={Database}&wait_end_of_query=1" }.Uri;
        rawCredentials = uri.UserInfo.Length == 0 ? null
            : new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Uri.UnescapeDataString(uri.UserInfo))));
    }

    /// <summary>False: no connection string was given.</summary>
    public bool IsConfigured => driver is not null;

    /// <summary>Unqualified tables are looked for here.</summary>
    public string Database { get; } = "bsp";

    /// <summary>Asks for a sign of life, for health checks.</summary>
    /// <exception cref="StoreUnavailable">Not configured, or no answer.</exception>
    public Task PingAsync(CancellationToken ct) => ExecuteOutsideAsync("SELECT 1", ct);

    /// <summary>A statement without rows.</summary>
    /// <param name="parameters">For <c>{name:Type}</c> in the text.</param>
    /// <exception cref="StoreUnavailable">Not configured, no answer, or overloaded: try again later.</exception>
    /// <exception cref="ClickHouseException">Refused.</exception>
    public Task ExecuteAsync(string sql, CancellationToken ct, params (string Name, object Value)[] parameters) =>
        WithDriverAsync(client => client.ExecuteNonQueryAsync(sql, Parameters(parameters), new() { CustomSettings = Whole }, ct), ct);

    /// <summary>A statement that needs no database yet, such as the one that makes it.</summary>
    public Task ExecuteOutsideAsync(string sql, CancellationToken ct) =>
        WithDriverAsync(client => client.ExecuteNonQueryAsync(sql, null, new() { Database = "default", CustomSettings = Whole }, ct), ct);

    /// <summary>Inserts rows, written as one JSON object a line, with the whole chain of materialized views done when it returns.</summary>
    /// <param name="table">A table, or what else may follow INSERT INTO.</param>
    /// <param name="token">The same token within the last 10,000 batches: taken as a repeat, nothing is inserted.</param>
    public Task InsertAsync(string table, ReadOnlyMemory<byte> jsonEachRow, string token, CancellationToken ct) =>
        WithDriverAsync(async client =>
    {
        var settings = new Dictionary<string, object>(Whole)
        {
            ["async_insert"] = "0", ["insert_deduplicate"] = "1", ["insert_deduplication_token"] = token,
            ["deduplicate_blocks_in_dependent_materialized_views"] = "1", ["date_time_input_format"] = "best_effort",
        };
        using var rows = MemoryMarshal.TryGetArray(jsonEachRow, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(jsonEachRow.ToArray(), writable: false);
        using var answer =
            await client.PostStreamAsync($"INSERT INTO {table} FORMAT JSONEachRow", rows, false, ct, new() { CustomSettings = settings });
        return 0;
    }, ct);

    /// <summary>What a query with a FORMAT of its own answers, such as Parquet, byte for byte.</summary>
    /// <returns>How many bytes.</returns>
    public Task<long> ExportAsync(string sql, Stream to, CancellationToken ct) => WithDriverAsync(async _ =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, rawAddress) { Content = new StringContent(sql) };
        request.Headers.Authorization = rawCredentials;
        using var answer = await http!.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (!answer.IsSuccessStatusCode)
        {
            var code = answer.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes)
                && int.TryParse(codes.First(), out var known) ? known : 0;
            var refusal = new ClickHouseException(code, Text.Cut(await answer.Content.ReadAsStringAsync(ct), MessageCharsMax));
            throw StoreTrouble.Is(refusal) ? new StoreUnavailable("clickhouse", refusal) : refusal;
        }

        var before = to.Position;
        await answer.Content.CopyToAsync(to, ct);
        return to.Position - before;
    }, ct);

    /// <summary>An INSERT with a FORMAT of its own, whose rows are given as they are.</summary>
    public Task ImportAsync(string sql, Stream rows, CancellationToken ct) => WithDriverAsync(async client =>
    {
        using var answer = await client.PostStreamAsync(sql, rows, false, ct, new()
        {
            CustomSettings = new Dictionary<string, object>(Whole) { ["async_insert"] = "0" },
        });
        return 0;
    }, ct);

    /// <summary>Rows of a query, whole before the first is returned. Bound the number in the query.</summary>
    /// <param name="map">Reads one row: ClickHouse's unsigned numbers are .NET's.</param>
    public Task<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, CancellationToken ct,
        params (string Name, object Value)[] parameters) => WithDriverAsync(async client =>
    {
        await using var reader = await client.ExecuteReaderAsync(sql, Parameters(parameters), new() { CustomSettings = Whole }, ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }, ct);

    public void Dispose()
    {
        driver?.Dispose();
        http?.Dispose();
    }

    private static ClickHouseClientSettings Settings(Uri uri, string database, HttpClient http)
    {
        var user = uri.UserInfo.Split(':', 2);
        var settings = new ClickHouseClientSettings
        {
            Protocol = uri.Scheme, Host = uri.Host, Port = (ushort)uri.Port, Database = database, HttpClient = http,
                Timeout = http.Timeout, UseCompression = false,
        };
        return uri.UserInfo.Length == 0 ? settings
            : new(settings) { Username = Uri.UnescapeDataString(user[0]),
                Password = Uri.UnescapeDataString(user.ElementAtOrDefault(1) ?? "") };
    }

    private static ClickHouseParameterCollection Parameters((string Name, object Value)[] parameters)
    {
        var collection = new ClickHouseParameterCollection();
        foreach (var (name, value) in parameters)
        {
            collection.Add(new ClickHouseDbParameter { ParameterName = name, Value = value });
        }

        return collection;
    }

    private async Task<T> WithDriverAsync<T>(Func<Driver.ClickHouseClient, Task<T>> work, CancellationToken ct)
    {
        if (driver is null)
        {
            throw new StoreUnavailable("clickhouse", new InvalidOperationException("ConnectionStrings:ClickHouse is not set."));
        }

        try
        {
            return await work(driver);
        }
        catch (Driver.ClickHouseServerException e)
        {
            var refusal = new ClickHouseException(Math.Max(e.ErrorCode, 0), Text.Cut(e.Message, MessageCharsMax));
            throw StoreTrouble.Is(refusal) ? new StoreUnavailable("clickhouse", refusal) : refusal;
        }
        catch (Exception e)
            when (e is HttpRequestException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new StoreUnavailable("clickhouse", e);
        }
    }

    /// <summary>A proxy's 502, 503 or 504 is no answer of ClickHouse, whatever its body says.</summary>
    private sealed class AwayHandler() : DelegatingHandler(new SocketsHttpHandler
    {
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), AutomaticDecompression = DecompressionMethods.All,
            ConnectTimeout = TimeSpan.FromSeconds(5),
    })
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (answer.StatusCode is not (HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
            {
                return answer;
            }

            using (answer)
            {
                throw new HttpRequestException(
                    $"ClickHouse is away: {Text.Cut(await answer.Content.ReadAsStringAsync(cancellationToken), MessageCharsMax)}", null,
                    answer.StatusCode);
            }
        }
    }
}
