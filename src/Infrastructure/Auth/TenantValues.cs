using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Auth;

/// <summary>Arguments that may be null, with the type that an untyped null lacks.</summary>
internal static class TenantValues
{
    public static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text };

    public static NpgsqlParameter Time(DateTimeOffset? value) =>
        new() { Value = (object?)value?.UtcDateTime ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz };
}
