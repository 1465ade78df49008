using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>The least that could be called a webhook receiver: Kestrel, the HMAC over the raw bytes, one INSERT of them, 200.</summary>
internal static class BareEndpoint
{
    public const string Verb = "bare-endpoint";
    public const string DatabaseVariable = "BENCH_DATABASE";
    public const string SecretVariable = "BENCH_SECRET";

    public static async Task<int> ServeAsync()
    {
        var secret = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable(SecretVariable) ?? "");
        await using var database =
            NpgsqlDataSource.Create(Environment.GetEnvironmentVariable(DatabaseVariable) + ";Max Auto Prepare=10;Maximum Pool Size=64");
        await using (var make =
            database.CreateCommand(
                "CREATE TABLE webhooks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), body bytea NOT NULL)"))
        {
            await make.ExecuteNonQueryAsync();
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.MapGet("/", () => Results.Ok());
        app.MapPost("/webhooks/meta", async (HttpContext context) =>
        {
            var body = new byte[context.Request.ContentLength ?? 0];
            await context.Request.Body.ReadExactlyAsync(body);
            var claimed = context.Request.Headers["X-Hub-Signature-256"].ToString();
            if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(claimed),
                Encoding.ASCII.GetBytes("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(secret, body)))))
            {
                return Results.Unauthorized();
            }

            await using var insert = database.CreateCommand("INSERT INTO webhooks (body) VALUES ($1)");
            insert.Parameters.Add(new() { Value = body });
            await insert.ExecuteNonQueryAsync();
            return Results.Ok();
        });
        await app.RunAsync();
        return 0;
    }
}
