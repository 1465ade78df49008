using Npgsql;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// PostgreSQL ends one of two transactions that wait for each other; it is rolled back whole and can be carried out again.
/// </summary>
internal static class Deadlock
{
    private const int AttemptsMax = 5;

    /// <summary>Carries out work that is one transaction, up to five times.</summary>
    public static async Task<T> RepeatedAsync<T>(Func<Task<T>> transaction)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await transaction();
            }
            catch (PostgresException ended) when (ended.SqlState == PostgresErrorCodes.DeadlockDetected && attempt < AttemptsMax)
            {
                // The other one has committed by now, or goes on.
            }
        }
    }
}
