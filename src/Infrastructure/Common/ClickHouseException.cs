namespace Bsp.Infrastructure.Common;

/// <summary>ClickHouse refused a statement.</summary>
/// <param name="code">Its own error code (60 unknown table, 62 syntax, 241 memory, 691 value outside an enum, …); 0 when it named
/// none.</param>
public sealed class ClickHouseException(int code, string message) : Exception(message)
{
    /// <summary>ClickHouse's error code; 0 when it named none.</summary>
    public int Code { get; } = code;
}
