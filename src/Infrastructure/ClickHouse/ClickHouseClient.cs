using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.ClickHouse;

/// <summary>ClickHouse's own HTTP interface (https://clickhouse.com/docs/interfaces/http). Thread-safe; one instance per process.</summary>
public sealed class ClickHouseClient : IDisposable
{
    private const int TimeoutSeconds = 120;
    private const int MessageCharsMax = 1_000;

    private readonly HttpClient http;

    /// <param name="connectionString"><c>http://user:password@host:port/?database=name</c>; null or empty: every call says that ClickHouse is not configured.</param>
    /// <exception cref="ArgumentException">Not such an address, or the database's name is not made of letters, digits and underscores.</exception>
    public ClickHouseClient(string? connectionString)
    {
        http = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AutomaticDecompression = DecompressionMethods.GZip, ConnectTimeout = TimeSpan.FromSeconds(5) })
        {
            Timeout = TimeSpan.FromSeconds(TimeoutSeconds),
        };
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            return;
        }

        if (!Uri.TryCreate(connectionString, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException("ConnectionStrings:ClickHouse must look like http://user:password@host:8123/?database=bsp.", nameof(connectionString));
        }

        Database = System.Web.HttpUtility.ParseQueryString(uri.Query)["database"] ?? "bsp";
        if (!Database.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            throw new ArgumentException("ClickHouse's database name may hold letters, digits and underscores only.", nameof(connectionString));
        }

        http.BaseAddress = new UriBuilder(uri) { UserName = "", Password = "", Query = "", Path = "/" }.Uri;
        if (uri.UserInfo is { Length: > 0 } user)
        {
            http.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(Uri.UnescapeDataString(user))));
        }
    }

    /// <summary>False: no connection string was given.</summary>
    public bool IsConfigured => http.BaseAddress is not null;

    /// <summary>Unqualified tables are looked for here.</summary>
    public string Database { get; } = "bsp";

    /// <summary>Asks for a sign of life, for health checks.</summary>
    /// <exception cref="StoreUnavailable">Not configured, or no answer.</exception>
    public Task PingAsync(CancellationToken ct) => SendAsync("SELECT 1", null, [], [], inDatabase: false, ct);

    /// <summary>A statement without rows.</summary>
    /// <param name="parameters">For <c>{name:Type}</c> in the text.</param>
    /// <exception cref="StoreUnavailable">Not configured, no answer, or overloaded: try again later.</exception>
    /// <exception cref="ClickHouseException">Refused.</exception>
    public Task ExecuteAsync(string sql, CancellationToken ct, params (string Name, object Value)[] parameters) => SendAsync(sql, null, parameters, [], inDatabase: true, ct);

    /// <summary>A statement that needs no database yet, such as the one that makes it.</summary>
    public Task ExecuteOutsideAsync(string sql, CancellationToken ct) => SendAsync(sql, null, [], [], inDatabase: false, ct);

    /// <summary>Inserts rows, written as one JSON object a line, with the whole chain of materialized views done when it returns.</summary>
    /// <param name="token">The same token within the last 10,000 batches: taken as a repeat, nothing is inserted.</param>
    public Task InsertAsync(string table, ReadOnlyMemory<byte> jsonEachRow, string token, CancellationToken ct) =>
        SendAsync($"INSERT INTO {table} FORMAT JSONEachRow", jsonEachRow, [],
            [("async_insert", "0"), ("insert_deduplicate", "1"), ("insert_deduplication_token", token), ("deduplicate_blocks_in_dependent_materialized_views", "1"), ("date_time_input_format", "best_effort")],
            inDatabase: true, ct);

    /// <summary>Rows of a query, whole before the first is returned. Bound the number in the query.</summary>
    /// <param name="map">Gets each row as a JSON object: 64-bit integers as numbers, decimals as strings.</param>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<JsonElement, T> map, CancellationToken ct, params (string Name, object Value)[] parameters)
    {
        var body = await SendAsync(sql + "\nFORMAT JSONEachRow", null, parameters, [("output_format_json_quote_64bit_integers", "0"), ("output_format_json_quote_decimals", "1")], inDatabase: true, ct);
        var rows = new List<T>();
        foreach (var line in body.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var row = JsonDocument.Parse(line);
            rows.Add(map(row.RootElement));
        }

        return rows;
    }

    public void Dispose() => http.Dispose();

    private async Task<string> SendAsync(string sql, ReadOnlyMemory<byte>? data, (string Name, object Value)[] parameters, (string Name, string Value)[] settings, bool inDatabase, CancellationToken ct)
    {
        if (!IsConfigured)
        {
            throw new StoreUnavailable("clickhouse", new InvalidOperationException("ConnectionStrings:ClickHouse is not set."));
        }

        using var content = data is { } rows ? new ReadOnlyMemoryContent(rows) : (HttpContent)new StringContent(sql, Encoding.UTF8);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        try
        {
            using var answer = await http.PostAsync(Address(data is null ? null : sql, parameters, settings, inDatabase), content, ct);
            var text = await answer.Content.ReadAsStringAsync(ct);
            return answer.IsSuccessStatusCode ? text : throw Refused(answer, text);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            throw new StoreUnavailable("clickhouse", e);
        }
    }

    private string Address(string? query, (string Name, object Value)[] parameters, (string Name, string Value)[] settings, bool inDatabase)
    {
        var address = new StringBuilder("/?wait_end_of_query=1");
        if (inDatabase)
        {
            Add("database", Database);
        }

        if (query is not null)
        {
            Add("query", query);
        }

        foreach (var (name, value) in settings)
        {
            Add(name, value);
        }

        foreach (var (name, value) in parameters)
        {
            Add("param_" + name, Convert.ToString(value, CultureInfo.InvariantCulture)!);
        }

        return address.ToString();

        void Add(string name, string value) => address.Append('&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
    }

    private static Exception Refused(HttpResponseMessage answer, string text)
    {
        var code = answer.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var values) && int.TryParse(values.First(), CultureInfo.InvariantCulture, out var named) ? named : 0;
        var refusal = new ClickHouseException(code, Text.Cut(text, MessageCharsMax));
        return StoreTrouble.Is(refusal) || answer.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
            ? new StoreUnavailable("clickhouse", refusal)
            : refusal;
    }
}
