using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Projections;

/// <summary>No projection waits, has stopped, or dies again and again.</summary>
public sealed class ProjectionsHealth(ProjectionRunner runner) : IStoreHealth
{
    public string Name => "projections";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        try
        {
            return await runner.TroubleAsync(ct);
        }
        catch (NpgsqlException)
        {
            return "their states cannot be read while PostgreSQL does not answer.";
        }
    }
}
